"""What can be told from the text of a statement without running it; remembered for each text."""

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from shared.database.harmless import HARMLESS
from shared.database.words import NAME, Words, words

_VERB = re.compile(r"[A-Za-z]+")
_PATH = rf"(?:{NAME}\.)?({NAME})"
# A name before a parenthesis is a table in `INTO "Signal" (id)` and a function in `FROM now()`.
_TARGET = re.compile(
    rf"\b(?:(?:FROM|JOIN) (?:ONLY )?{_PATH}(?! ?\()|(?:INTO|UPDATE) (?:ONLY )?{_PATH})", re.IGNORECASE
)
_COMMON_TABLE = re.compile(rf"(?:\bWITH(?: RECURSIVE)?|,) ?({NAME}) ?(?:\([^()]*\) ?)?AS\b", re.IGNORECASE)
_MAIN_VERB = re.compile(r"\) ?(SELECT|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)

_READS = {"SELECT", "WITH", "VALUES"}
_WRITES = {"INSERT", "UPDATE", "DELETE", "MERGE", "WITH"}
_WRITES_OR_ENDS = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|INTO)\b|; ?[^; ]", re.IGNORECASE)
# `AS name (` names columns or gives a type's measure; behind a dot stands a function of any schema.
_CALL = re.compile(rf"(\bAS |\. ?)?({NAME}) ?\(", re.IGNORECASE)
_LASTING = re.compile(r"\b(?:DISCARD|DEALLOCATE|LOAD)\b", re.IGNORECASE)
_LONGEST = 32 * 1024  # characters that are read; what goes on beyond is not known


class After(IntEnum):
    """What must be done with a connection that ran a statement, before somebody else gets it.

    Attributes:
        KEEP: nothing; the statement can leave nothing in the session.
        RESET: the session is put back to what it was when it was made.
        CLOSE: it cannot be put back: the driver's own prepared statements are gone, or a library was loaded.
    """

    KEEP = 0
    RESET = 1
    CLOSE = 2


class Statement(NamedTuple):
    """A statement seen from outside.

    Attributes:
        summary: operation and tables, such as ``SELECT Signal Instrument``: ``db.query.summary``.
        operation: ``SELECT``, ``INSERT``, …
        tables: in order of appearance, without schema and quotes, each once.
        after: what its connection needs.
    """

    summary: str
    operation: str
    tables: tuple[str, ...]
    after: After


@lru_cache(maxsize=2048)
def describe(sql: str) -> Statement:
    """Describe `sql`; no literal of it is part of the answer."""
    text = words(sql[:_LONGEST])
    verb = _VERB.match(text.bare)
    first = operation = verb[0].upper() if verb else "QUERY"
    common = {name.strip('"') for name in _COMMON_TABLE.findall(text.bare)} if operation == "WITH" else set()
    if operation == "WITH" and (main := _MAIN_VERB.findall(text.bare)):
        operation = main[-1].upper()
    found = dict.fromkeys((read or written).strip('"') for read, written in _TARGET.findall(text.bare))
    tables = tuple(name for name in found if name not in common and name.upper() not in {"SET", "LATERAL"})
    return Statement(
        summary=" ".join([operation, *tables[:4]])[:255],
        operation=operation,
        tables=tables[:4],
        after=_after(sql, first, text),
    )


def _after(sql: str, verb: str, text: Words) -> After:
    """Unless a text is one plain read that calls nothing but harmless functions, the session is reset.

    Writes are: they fire triggers, and what a sequence gave is remembered by the session.
    """
    is_one = text.is_certain and len(sql) <= _LONGEST
    if is_one and verb in _READS and not _WRITES_OR_ENDS.search(text.bare):
        return After.KEEP if all(map(_is_harmless, _CALL.findall(text.bare))) else After.RESET
    is_plain_write = (
        is_one and verb in {"INSERT", "UPDATE", "DELETE", "MERGE", "WITH"} and ";" not in text.bare
    )
    return After.CLOSE if not is_plain_write and _LASTING.search(sql) else After.RESET


def _is_harmless(call: tuple[str, str]) -> bool:
    before, name = call
    return before.upper() == "AS " or (not before and name.isascii() and name.upper() in HARMLESS)

"""A statement described from its SQL, without running it; cached."""

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from shared.database.statements.harmless import HARMLESS
from shared.database.statements.lasting import SessionTrace, lasting
from shared.database.statements.lexer import NAME, Bare, strip

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
# `AS name (` names columns or the length of a type; after a dot follows a function of any schema.
_CALL = re.compile(rf"(\bAS |\. ?)?({NAME}) ?\(", re.IGNORECASE)
# What ends or changes a transaction; savepoints stay inside it.
_CONTROL = re.compile(
    r"(?:^|;) ?(BEGIN|START TRANSACTION|COMMIT|END|ABORT|PREPARE TRANSACTION|SET (?:LOCAL )?TRANSACTION"
    r"|ROLLBACK(?! (?:WORK |TRANSACTION )?TO\b))\b",
    re.IGNORECASE,
)
_SECOND = re.compile(r"; ?[^; ]")
_ATOMIC = re.compile(r"\bBEGIN ATOMIC\b", re.IGNORECASE)  # a body of statements in one statement
_NAME = re.compile(NAME)
_DISGUISED = re.compile(r'&"|""')  # names that hold escapes or quotes
_LASTING = re.compile(r"\b(?:DISCARD|DEALLOCATE|LOAD)\b", re.IGNORECASE)
_READ_LIMIT = 32 * 1024  # characters; a longer statement counts as unknown


class After(IntEnum):
    """What a connection needs after a statement, before it is lent again.

    Attributes:
        KEEP: nothing; the statement leaves nothing behind in the session.
        RESET: the session must be reset to its initial state.
        CLOSE: a reset is impossible: the driver's prepared statements are gone, or a library was loaded.
    """

    KEEP = 0
    RESET = 1
    CLOSE = 2


class Statement(NamedTuple):
    """What is known of a statement from its SQL.

    Attributes:
        summary: operation and tables, such as ``SELECT Signal Instrument``: ``db.query.summary``.
        operation: ``SELECT``, ``INSERT``, …
        tables: in order of appearance, without schema and quotes, each once.
        after: what its connection needs before it is lent again, as far as the text tells.
        names: every word outside of literals, as the server folds it.
        control: the transaction control in it, such as ``COMMIT``; ``""`` without any.
        is_several: it is more than one statement.
        is_certain: False where the server may read the text differently.
        lasting: what it leaves in its session after its transaction.
    """

    summary: str
    operation: str
    tables: tuple[str, ...]
    after: After
    names: frozenset[str]
    control: str
    is_several: bool
    is_certain: bool
    lasting: SessionTrace | None


@lru_cache(maxsize=2048)
def describe(sql: str) -> Statement:
    """Describe `sql`; the result contains none of its literals."""
    whole = strip(sql)
    bare = whole._replace(text=whole.text[:_READ_LIMIT])
    verb = _VERB.match(bare.text)
    first = operation = verb[0].upper() if verb else "QUERY"
    common = {name.strip('"') for name in _COMMON_TABLE.findall(bare.text)} if operation == "WITH" else set()
    if operation == "WITH" and (main := _MAIN_VERB.findall(bare.text)):
        operation = main[-1].upper()
    found = dict.fromkeys((read or written).strip('"') for read, written in _TARGET.findall(bare.text))
    tables = tuple(name for name in found if name not in common and name.upper() not in {"SET", "LATERAL"})
    control = _CONTROL.search(whole.text)
    return Statement(
        summary=" ".join([operation, *tables[:4]])[:255],
        operation=operation,
        tables=tables[:4],
        after=_after(sql, first, bare),
        names=frozenset(map(_folded, _NAME.findall(bare.text))),
        control=control[1].upper() if control else "",
        is_several=bool(_SECOND.search(whole.text)) and not _ATOMIC.search(whole.text),
        is_certain=whole.is_certain,
        lasting=lasting(whole.text),
    )


def _after(sql: str, verb: str, bare: Bare) -> After:
    """Reset the session unless the SQL is one plain read that calls only harmless functions.

    Writes fire triggers, and the session remembers values of sequences.
    """
    is_one = bare.is_certain and len(sql) <= _READ_LIMIT and not _DISGUISED.search(bare.text)
    if is_one and verb in _READS and not _WRITES_OR_ENDS.search(bare.text):
        return After.KEEP if all(map(_is_harmless, _CALL.findall(bare.text))) else After.RESET
    is_plain_write = (
        is_one and verb in {"INSERT", "UPDATE", "DELETE", "MERGE", "WITH"} and ";" not in bare.text
    )
    return After.CLOSE if not is_plain_write and _LASTING.search(sql) else After.RESET


def _folded(name: str) -> str:
    """Fold a name as the server does: ASCII letters alone, and cut after 63 bytes."""
    text = name.encode(errors="replace")
    text = text[1:-1] if name.startswith('"') else text.lower()
    return text[:63].decode(errors="ignore")


def _is_harmless(call: tuple[str, str]) -> bool:
    before, name = call
    return before.upper() == "AS " or (not before and name.isascii() and name.upper() in HARMLESS)

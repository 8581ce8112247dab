"""What can be told from the text of a statement without running it; remembered for each text."""

import re
from functools import lru_cache
from typing import NamedTuple

_LITERAL = re.compile(
    r"--[^\n]*|/\*.*?\*/|[eE]?'(?:[^'\\]|\\.|'')*'|\$(\w*)\$.*?\$\1\$|\b\d+(?:\.\d+)?\b", re.DOTALL
)
_VERB = re.compile(r"\s*([A-Za-z]+)")
_NAME = r'(?:(?:"[^"]+"|\w+)\.)?("[^"]+"|[A-Za-z_]\w*+)'
# A name before a parenthesis is a table in `INTO "Signal" (id)` and a function in `FROM now()`.
_TARGET = re.compile(
    rf"\b(?:(?:FROM|JOIN)\s+(?:ONLY\s+)?{_NAME}(?!\s*\()|(?:INTO|UPDATE)\s+(?:ONLY\s+)?{_NAME})",
    re.IGNORECASE,
)
_COMMON_TABLE = re.compile(
    r'(?:\bWITH(?:\s+RECURSIVE)?|,)\s*("[^"]+"|\w+)\s*(?:\([^)]*\)\s*)?AS\b', re.IGNORECASE
)
_MAIN_VERB = re.compile(r"\)\s*(SELECT|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_SESSION = re.compile(
    r"\b(?:SET|RESET|LISTEN|UNLISTEN|PREPARE|DEALLOCATE|DECLARE|DISCARD|LOAD|TEMP|TEMPORARY|set_config|pg_\w*advisory\w*)\b",
    re.IGNORECASE,
)


class Statement(NamedTuple):
    """A statement seen from outside.

    Attributes:
        summary: operation and tables, such as ``SELECT Signal Instrument``: ``db.query.summary``.
        operation: ``SELECT``, ``INSERT``, …
        tables: in order of appearance, without schema and quotes, each once.
        touches_session: may leave something behind in the session (a setting, a lock, a cursor).
    """

    summary: str
    operation: str
    tables: tuple[str, ...]
    touches_session: bool


@lru_cache(maxsize=2048)
def describe(sql: str) -> Statement:
    """Describe `sql`; no literal of it is part of the answer."""
    bare = _LITERAL.sub(" ", sql)
    verb = _VERB.match(bare)
    operation = verb[1].upper() if verb else "QUERY"
    common = {name.strip('"') for name in _COMMON_TABLE.findall(bare)} if operation == "WITH" else set()
    if operation == "WITH" and (main := _MAIN_VERB.findall(bare)):
        operation = main[-1].upper()
    found = dict.fromkeys((read or written).strip('"') for read, written in _TARGET.findall(bare))
    tables = tuple(name for name in found if name not in common and name.upper() not in {"SET", "LATERAL"})[
        :4
    ]
    return Statement(
        summary=" ".join([operation, *tables])[:255],
        operation=operation,
        tables=tables,
        touches_session=_touches_session(operation, bare),
    )


def _touches_session(operation: str, bare: str) -> bool:
    # `UPDATE … SET` is the one everyday use of a word of the list.
    text = (
        re.sub(r"\bSET\b", " ", bare, flags=re.IGNORECASE)
        if operation in {"UPDATE", "INSERT", "MERGE"}
        else bare
    )
    return bool(_SESSION.search(text))

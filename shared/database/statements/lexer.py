"""Removes literals, numbers and comments from SQL by PostgreSQL's lexical rules.

One pass in linear time over ``'…'``, ``E'…'``, ``U&'…'``, ``$tag$…$tag$``, ``"…"``, ``--`` and nested
``/* */`` (PostgreSQL, 4.1 Lexical Structure).
"""

import re
from typing import NamedTuple

_NOT_IN_NAMES = r"\x00-#%-/:-@\[-^`{-\x7f"
"""Of ASCII. To say what is in names, which is all beyond it too, takes `re` ten times as long to compile."""
NAME = rf'(?:"[^"]*"|[^0-9${_NOT_IN_NAMES}][^{_NOT_IN_NAMES}]*+)'
_ESCAPED = r"'(?:[^'\\]|\\.|'')*+'"
_TOKEN = re.compile(
    rf"""
      (?P<gap> \s++ | --[^\r\n]*+ )
    | (?P<comment> /\* )
    | (?P<escaped> [eE]{_ESCAPED} (?: [ \t\f\v]*+ [\r\n] \s*+ {_ESCAPED} )*+ )
    | (?P<string> '[^']*+' )
    | (?P<dollar> \$ (?: [^0-9${_NOT_IN_NAMES}] [^${_NOT_IN_NAMES}]*+ )? \$ )
    | (?P<number> \$?\d++ )
    | (?P<kept> {NAME} | . )
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


class Bare(NamedTuple):
    """SQL without literals, numbers and comments.

    Attributes:
        text: each of these, and each run of white space, is one space.
        is_certain: False where the server may read it differently: an unterminated quote, or a backslash in a
            plain string, whose meaning depends on a setting of the session.
    """

    text: str
    is_certain: bool


def strip(sql: str) -> Bare:
    """Remove the literals, numbers and comments from `sql`."""
    kept: list[str] = []
    position, is_certain = 0, True
    while token := _TOKEN.match(sql, position):
        kind, text, position = token.lastgroup, token[0], token.end()
        if kind == "comment":
            position = _end_of_comment(sql, position)
        elif kind == "dollar":
            position = _after(sql, text, position)
        is_certain = is_certain and position <= len(sql) and text not in {"'", '"'}
        is_certain = is_certain and not (kind == "string" and "\\" in text)
        if kind == "kept":
            kept.append(text)
        elif kept and kept[-1] != " ":
            kept.append(" ")
        if text in {"'", '"'}:
            break  # unterminated: the rest is part of it
    return Bare("".join(kept).strip(), is_certain)


def _after(sql: str, mark: str, start: int) -> int:
    found = sql.find(mark, start)
    return found + len(mark) if found >= 0 else len(sql) + 1


def _end_of_comment(sql: str, start: int) -> int:
    """Return the end of a nested comment; beyond the text when it is unterminated."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(sql) + 1

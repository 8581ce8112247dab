"""Opaque cursors: the position at which a page ended, as one URL-safe string.

A cursor is `1.` and the base64url (RFC 4648 section 5, no padding) of a JSON array of strings and nulls. Each
position has exactly one valid encoding. It is neither secret nor signed: a function that reads one must treat
its parts as input. `client/cursor.ts` implements the same; both run `contracts/vectors/cursor.json`.
"""

import base64
import json
import re

from shared.errors import FieldError, Invalid

VERSION = "1."
CURSOR_LIMIT = 512  # characters


def encode_cursor(position: list[str | None]) -> str:
    """Encode a position as a cursor.

    Raises:
        ValueError: a part contains a lone surrogate, or the cursor would exceed 512 characters.
    """
    text = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    cursor = VERSION + base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    if len(cursor) > CURSOR_LIMIT:
        raise ValueError(f"a cursor has at most {CURSOR_LIMIT} characters; shorten its position")
    return cursor


def decode_cursor(cursor: str, *, parts: int) -> list[str | None]:
    """Decode a cursor into its position of `parts` parts.

    Raises:
        Invalid: the cursor is malformed, or belongs to another listing.
    """
    position = _read(cursor)
    if position is None or len(position) != parts:
        message = "expected the unchanged cursor of an earlier page of this list"
        raise Invalid("The cursor is invalid.", errors=(FieldError("query", "cursor", message),))
    return position


def _read(cursor: str) -> list[str | None] | None:
    if len(cursor) > CURSOR_LIMIT or not re.fullmatch(r"1\.[A-Za-z0-9_-]+", cursor):
        return None
    body = cursor.removeprefix(VERSION)
    try:
        position = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        usable = isinstance(position, list) and all(one is None or isinstance(one, str) for one in position)
        # Each position has one encoding, so that equal positions are equal strings.
        return position if usable and encode_cursor(position) == cursor else None
    except (ValueError, RecursionError):
        return None

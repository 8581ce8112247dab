"""Opaque cursors: where a page ended, as one URL-safe word that only its maker reads.

A cursor is `1.` and the base64url (RFC 4648 part 5, no padding) of a JSON list of texts and nulls. Exactly
one spelling of a position is accepted. It is not secret and not signed: a function that reads one must treat
its parts as input. The app reads and writes the same in `client/cursor.ts`; `contracts/vectors/cursor.json`
holds both to it.
"""

import base64
import json
import re

from shared.errors import FieldError, Invalid

VERSION = "1."
LONGEST = 512


def encode_cursor(position: list[str | None]) -> str:
    """Write a position as a cursor.

    Raises:
        ValueError: a part holds half a surrogate pair, or the cursor would be longer than 512 characters.
    """
    text = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    cursor = VERSION + base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    if len(cursor) > LONGEST:
        raise ValueError(f"a cursor has at most {LONGEST} characters; put less into its position")
    return cursor


def decode_cursor(cursor: str, *, parts: int) -> list[str | None]:
    """Read the position of `parts` parts back.

    Raises:
        Invalid: it is not a cursor of ours, or one for another listing.
    """
    position = _read(cursor)
    if position is None or len(position) != parts:
        message = "expected the cursor of an earlier page of this listing, unchanged"
        raise Invalid("The cursor cannot be used.", errors=(FieldError("query", "cursor", message),))
    return position


def _read(cursor: str) -> list[str | None] | None:
    if len(cursor) > LONGEST or not re.fullmatch(r"1\.[A-Za-z0-9_-]+", cursor):
        return None
    body = cursor.removeprefix(VERSION)
    try:
        position = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        usable = isinstance(position, list) and all(one is None or isinstance(one, str) for one in position)
        # One position has one spelling, so that equal cursors are equal texts.
        return position if usable and encode_cursor(position) == cursor else None
    except (ValueError, RecursionError):
        return None

"""JSON from outside: read without assuming anything about its shape."""

from typing import Any

import msgspec


def json_object(text: bytes) -> dict[str, Any] | None:
    """Return a JSON object, None for anything else: other or broken JSON, bad UTF-8, endless nesting."""
    try:
        value = msgspec.json.decode(text)
    # A key that is not UTF-8 is a UnicodeDecodeError, a value that is not is msgspec's own.
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

"""The name of a feature or plan, in Clerk's terms."""

import re
from functools import lru_cache
from typing import Final

_SCOPES: Final = {"o": "o", "org": "o", "organization": "o", "u": "u", "user": "u"}


@lru_cache
def grants_of(asked: str) -> frozenset[str]:
    """Return the claims any of which grants a feature or plan, such as ``o:alerts`` for ``org:alerts``.

    Raises:
        ValueError: no session can have it.
    """
    scope, separator, name = asked.rpartition(":")
    letters = _SCOPES.get(scope) if separator else "ou"
    if letters is None or not re.fullmatch(r"[^\s,:]+", name):
        raise ValueError("Expected a name, or one behind 'org:' or 'user:'.")
    return frozenset(f"{letter}:{name}" for letter in letters)

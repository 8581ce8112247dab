"""The public face: everything a function needs, in one import line.

A name is imported when it is first asked for: Litestar takes most of a start, and what only watches or
reads, such as the parent of the workers and the command line, does without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litestar import Request
    from litestar.datastructures import UploadFile as Upload

    from runtime.config import Folder, Function
    from shared.database import Database
    from shared.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
    from shared.events import Event
    from shared.identity import Member, User

__all__ = [
    "Conflict",
    "Database",
    "Event",
    "Folder",
    "Forbidden",
    "Function",
    "Invalid",
    "Member",
    "NotFound",
    "RateLimited",
    "Request",
    "Unavailable",
    "Upload",
    "User",
]

_ORIGINS = {
    **dict.fromkeys(("Folder", "Function"), "runtime.config"),
    **dict.fromkeys(
        ("Conflict", "Forbidden", "Invalid", "NotFound", "RateLimited", "Unavailable"), "shared.errors"
    ),
    **dict.fromkeys(("Member", "User"), "shared.identity"),
    "Database": "shared.database",
    "Event": "shared.events",
    "Request": "litestar",
    "Upload": "litestar.datastructures",
}

if not TYPE_CHECKING:  # a type checker is to refuse a name that there is not

    def __getattr__(name: str) -> object:
        """Import a name at its first use (PEP 562)."""
        if name not in _ORIGINS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(_ORIGINS[name]), "UploadFile" if name == "Upload" else name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

"""The public face: everything a function needs, in one import line.

A name is imported when it is first asked for: Litestar takes most of a start, and what only watches or
reads, such as the parent of the workers and the command line, does without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    import litestar
    from litestar.datastructures import State
    from litestar.datastructures import UploadFile as Upload
    from typing_extensions import TypeVar

    from runtime.answers import (
        Content,
        Csv,
        File,
        Html,
        Pdf,
        Png,
        Redirect,
        Reply,
        SetCookie,
        Text,
        Xlsx,
    )
    from runtime.config import Folder, Function
    from runtime.inputs import Cookie, Form, Header
    from runtime.outgoing import Http
    from runtime.settings.own import OwnSettings as Settings
    from shared.database import Database
    from shared.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
    from shared.events import Event
    from shared.identity import Member, User
    from shared.secret import Secret
    from shared.work import Jobs, Run

    # Litestar's class with defaults, so that strict checkers take a plain `request: Request`.
    _User = TypeVar("_User", default=Any)
    _Auth = TypeVar("_Auth", default=Any)
    _State = TypeVar("_State", bound=State, default=Any)
    Request = litestar.Request[_User, _Auth, _State]

__all__ = [
    "Conflict",
    "Content",
    "Cookie",
    "Csv",
    "Database",
    "Event",
    "File",
    "Folder",
    "Forbidden",
    "Form",
    "Function",
    "Header",
    "Html",
    "Http",
    "Invalid",
    "Jobs",
    "Member",
    "NotFound",
    "Pdf",
    "Png",
    "RateLimited",
    "Redirect",
    "Reply",
    "Request",
    "Run",
    "Secret",
    "SetCookie",
    "Settings",
    "Text",
    "Unavailable",
    "Upload",
    "User",
    "Xlsx",
]

_ORIGINS = {
    "litestar": ("Request",),
    "litestar.datastructures": ("Upload",),
    "runtime.answers": ("Content", "Csv", "File", "Html", "Pdf", "Png", "Text", "Xlsx"),
    "runtime.answers.cookies": ("SetCookie",),
    "runtime.answers.redirect": ("Redirect",),
    "runtime.answers.reply": ("Reply",),
    "runtime.config": ("Folder", "Function"),
    "runtime.inputs": ("Cookie", "Form", "Header"),
    "runtime.outgoing": ("Http",),
    "runtime.settings.own": ("Settings",),
    "shared.database": ("Database",),
    "shared.errors": ("Conflict", "Forbidden", "Invalid", "NotFound", "RateLimited", "Unavailable"),
    "shared.events": ("Event",),
    "shared.identity": ("Member", "User"),
    "shared.secret": ("Secret",),
    "shared.work": ("Jobs", "Run"),
}
_RENAMED = {"Upload": "UploadFile", "Settings": "OwnSettings"}

if not TYPE_CHECKING:  # a type checker is to refuse a name that there is not
    _MODULES = {name: module for module, names in _ORIGINS.items() for name in names}

    def __getattr__(name: str) -> object:
        """Import a name at its first use (PEP 562)."""
        if name not in _MODULES:
            return _replaced(name)
        found = getattr(import_module(_MODULES[name]), _RENAMED.get(name, name))
        globals()[name] = found
        return found

    def _replaced(name: str) -> object:
        """Return what an old name stands for, with a warning."""
        replacements = import_module("runtime.replacements")
        change = None if name.startswith("_") else replacements.replaced("name", name)
        if change is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        replacements.warn(change, above=2)
        return __getattr__(change.new)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

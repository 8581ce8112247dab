"""The public face: everything a function needs, in one import line."""

from typing import TYPE_CHECKING, Any

from litestar import Request
from litestar.datastructures import UploadFile as Upload

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
from runtime.settings.own import OwnSettings as Settings
from shared.database import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from shared.events import Event
from shared.identity import Member, User
from shared.secret import Secret

if TYPE_CHECKING:
    from runtime.outgoing import Http

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
    "Member",
    "NotFound",
    "Pdf",
    "Png",
    "RateLimited",
    "Redirect",
    "Reply",
    "Request",
    "Secret",
    "SetCookie",
    "Settings",
    "Text",
    "Unavailable",
    "Upload",
    "User",
    "Xlsx",
]


def __getattr__(name: str) -> Any:
    """Return `Http`, whose library and certificates only those load who send requests."""
    if name != "Http":
        raise AttributeError(f"module 'runtime' has no attribute {name!r}")
    from runtime.outgoing import Http

    return Http

"""The public face: everything a function needs, in one import line."""

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
from shared.database import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from shared.events import Event
from shared.identity import Member, User

__all__ = [
    "Conflict",
    "Content",
    "Csv",
    "Database",
    "Event",
    "File",
    "Folder",
    "Forbidden",
    "Function",
    "Html",
    "Invalid",
    "Member",
    "NotFound",
    "Pdf",
    "Png",
    "RateLimited",
    "Redirect",
    "Reply",
    "Request",
    "SetCookie",
    "Text",
    "Unavailable",
    "Upload",
    "User",
    "Xlsx",
]

"""The public face: everything a function needs, in one import line."""

from litestar import Request
from litestar.datastructures import UploadFile as Upload

from runtime.config import Folder, Function
from runtime.inputs import Cookie, Form, Header
from runtime.settings.own import Settings
from shared.database import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from shared.events import Event
from shared.identity import Member, User
from shared.secret import Secret

__all__ = [
    "Conflict",
    "Cookie",
    "Database",
    "Event",
    "Folder",
    "Forbidden",
    "Form",
    "Function",
    "Header",
    "Invalid",
    "Member",
    "NotFound",
    "RateLimited",
    "Request",
    "Secret",
    "Settings",
    "Unavailable",
    "Upload",
    "User",
]

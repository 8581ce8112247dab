"""The public face: everything a function needs, in one import line."""

from litestar import Request
from litestar.datastructures import UploadFile as Upload

from runtime.config import Folder, Function
from shared.database import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from shared.events import Event
from shared.identity import Member, User
from shared.work import Jobs, Run

__all__ = [
    "Conflict",
    "Database",
    "Event",
    "Folder",
    "Forbidden",
    "Function",
    "Invalid",
    "Jobs",
    "Member",
    "NotFound",
    "RateLimited",
    "Request",
    "Run",
    "Unavailable",
    "Upload",
    "User",
]

"""The kinds of a handler's parameters: where each value comes from, and who learns of it.

A new kind is a member here; the type checker then names every `match` that lacks it (docs/routing.md).
"""

from enum import Enum, unique
from typing import Literal, NamedTuple

type Location = Literal["path", "query", "header", "cookie", "body"]


class Traits(NamedTuple):
    """What is known of a kind.

    Attributes:
        name: keeps two kinds with the same traits apart.
        location: the part of the HTTP request that holds it; None where the runtime provides it.
        is_described: its type stands in the contract.
        is_shared: two callers of one URL get the same value, so that a cache may serve both.
    """

    name: str
    location: Location | None
    is_described: bool
    is_shared: bool


@unique
class InputKind(Enum):
    """Where the value of a parameter comes from."""

    PATH = Traits("path", location="path", is_described=True, is_shared=True)
    QUERY = Traits("query", location="query", is_described=True, is_shared=True)
    HEADER = Traits("header", location="header", is_described=True, is_shared=False)
    COOKIE = Traits("cookie", location="cookie", is_described=True, is_shared=False)
    BODY = Traits("body", location="body", is_described=True, is_shared=False)
    FORM = Traits("form", location="body", is_described=True, is_shared=False)
    UPLOAD = Traits("upload", location="body", is_described=False, is_shared=False)
    USER = Traits("user", location=None, is_described=False, is_shared=False)
    MEMBER = Traits("member", location=None, is_described=False, is_shared=False)
    DATABASE = Traits("database", location=None, is_described=False, is_shared=True)
    AGENTS = Traits("agents", location=None, is_described=False, is_shared=False)
    JOBS = Traits("jobs", location=None, is_described=False, is_shared=False)
    RUN = Traits("run", location=None, is_described=False, is_shared=False)
    HTTP = Traits("http", location=None, is_described=False, is_shared=True)
    SETTINGS = Traits("settings", location=None, is_described=False, is_shared=True)
    REQUEST = Traits("request", location=None, is_described=False, is_shared=False)

    @property
    def location(self) -> Location | None:
        """The part of the HTTP request that holds it; None where the runtime provides it."""
        return self.value.location

    @property
    def is_parameter(self) -> bool:
        """Whether it is a parameter of the HTTP request, which has a name there."""
        return self.location is not None and self.location != "body"

    @property
    def is_described(self) -> bool:
        """Whether its type stands in the contract."""
        return self.value.is_described

    @property
    def is_shared(self) -> bool:
        """Whether two callers of one URL get the same value."""
        return self.value.is_shared

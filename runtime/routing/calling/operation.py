"""What a handler asks for and gives back: nouns that the compiler, OpenAPI and the client share."""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from runtime.config import Endpoint

InputSource = Literal["path", "query", "body", "upload", "user", "database", "agents", "request"]

_IN_THE_URL = frozenset({"path", "query", "database"})
"""What a handler may take and give everybody the same answer."""


class Input(Struct, frozen=True, kw_only=True):
    """One parameter of a handler.

    Attributes:
        name: as in the signature.
        source: where its value comes from.
        annotation: the resolved annotation, `Annotated` kept.
        default: `msgspec.NODEFAULT` where it is required.
    """

    name: str
    source: InputSource
    annotation: Any
    default: Any


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one route, ready to serve.

    Attributes:
        endpoint: what is known about it before it runs.
        function: the developer's own function.
        inputs: in the order of its signature.
        returns: the resolved return annotation; of a stream, its iterator.
        event: of a stream, the type of one event; else None.
        doc: the handler's docstring, or else the file's.
    """

    endpoint: Endpoint
    function: Callable[..., Any]
    inputs: tuple[Input, ...]
    returns: Any
    event: Any
    doc: str | None

    @property
    def sees_caller(self) -> bool:
        """Whether the answer may depend on who asks; two callers then share none."""
        return not self.endpoint.policy.public or any(each.source not in _IN_THE_URL for each in self.inputs)

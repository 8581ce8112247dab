"""What a handler takes and returns, as the compiler, OpenAPI and the client see it."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from runtime.config import Endpoint
from runtime.routing.input_kind import InputKind
from runtime.routing.reading.names import Segment


class Input(Struct, frozen=True, kw_only=True):
    """One parameter of a handler.

    Attributes:
        name: as in the signature.
        kind: where its value comes from.
        annotation: the resolved annotation, `Annotated` kept.
        default: `msgspec.NODEFAULT` where it is required.
    """

    name: str
    kind: InputKind
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
        known_types: the names of types that the committed contract has for the file.
        text: of its file, as it was imported.
        segments: its URL.
    """

    endpoint: Endpoint
    function: Callable[..., Any]
    inputs: tuple[Input, ...]
    returns: Any
    event: Any
    doc: str | None
    known_types: frozenset[str] = frozenset()
    text: bytes = b""
    segments: tuple[Segment, ...] = ()

    @property
    def sees_caller(self) -> bool:
        """Whether the response may depend on the caller, so that no cache may serve it to another."""
        return not self.endpoint.policy.public or not all(each.kind.is_shared for each in self.inputs)

"""What a handler takes and returns, as the compiler, OpenAPI and the client see it."""

import inspect
import typing
from collections.abc import Callable
from typing import Any

from litestar import Response
from msgspec import Struct

from runtime.answers import Answer, Content
from runtime.config import Endpoint
from runtime.routing.input_kind import InputKind
from runtime.routing.reading.names import Segment

_NOT_KEPT = {InputKind.COOKIE, InputKind.FORM, InputKind.UPLOAD, InputKind.REQUEST}
"""What no worker could be given again: cookies hold sessions, the others are read from a socket."""


class Input(Struct, frozen=True, kw_only=True):
    """One parameter of a handler.

    Attributes:
        name: as in the signature.
        kind: where its value comes from.
        annotation: the resolved annotation, `Annotated` kept.
        default: `msgspec.NODEFAULT` where it is required.
        value: of settings, what was made of them at start.
        alias: what it is called in the request, where that is not `name`.
    """

    name: str
    kind: InputKind
    annotation: Any
    default: Any
    alias: str = ""
    value: Any = None

    @property
    def field(self) -> str:
        """What it is called in the request."""
        return self.alias or self.name


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one route, ready to serve.

    Attributes:
        endpoint: what is known about it before it runs.
        function: the developer's own function.
        inputs: in the order of its signature.
        returns: the resolved return annotation; of a stream, its iterator; of `Reply[T]` and
            `T | Redirect`, `T`; `Redirect` where it does nothing else.
        event: of a stream, the type of one event; else None.
        doc: the handler's docstring, or else the file's.
        known_types: the names of types that the committed contract has for the file.
        text: of its file, as it was imported.
        segments: its URL.
        replies: it may return a `Reply`.
        redirects: it may return a `Redirect`.
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
    replies: bool = False
    redirects: bool = False

    @property
    def content(self) -> type[Content] | None:
        """The content type that it answers with, None for JSON, streams and redirects."""
        kind = self.returns
        return kind if isinstance(kind, type) and issubclass(kind, Content) else None

    @property
    def has_json(self) -> bool:
        """Whether it answers with JSON of a type that is known."""
        kind = typing.get_origin(self.returns) or self.returns
        is_own = isinstance(kind, type) and issubclass(kind, Answer | Response)
        return self.event is None and self.returns not in {None, type(None)} and not is_own

    @property
    def is_repeatable(self) -> bool:
        """Whether a worker could make a call of it again, for a run of agents whose process died."""
        kinds = {each.kind for each in self.inputs}
        is_kept = InputKind.AGENTS in kinds and not kinds & _NOT_KEPT
        return self.endpoint.stream and is_kept and not self.endpoint.policy.isolate

    @property
    def line(self) -> int:
        """Where its function begins, 0 if that is no plain function."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return code.co_firstlineno if code else 0

    @property
    def sees_caller(self) -> bool:
        """Whether the response may depend on the caller, so that no cache may serve it to another."""
        return not self.endpoint.policy.public or not all(each.kind.is_shared for each in self.inputs)

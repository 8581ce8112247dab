"""Operations and quarantined endpoints as Litestar handlers; ``opt["endpoint"]`` holds the `Endpoint`."""

from collections.abc import Callable
from typing import Any

from litestar import delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from runtime.config import Endpoint
from runtime.invocation import current
from runtime.routing.adapter import Adapter
from runtime.routing.names import Segment
from runtime.routing.operation import Operation
from shared.errors import FunctionUnavailable

_DECORATORS: dict[str, Callable[..., Any]] = {
    "GET": get,
    "POST": post,
    "PUT": put,
    "PATCH": patch,
    "DELETE": delete,
}


FAULT_HEADER = b"x-annex-fault"


def serve(
    operation: Operation, segments: tuple[Segment, ...], *, note: str | None = None
) -> HTTPRouteHandler:
    """Return the handler of an operation; `note` is told in a header of every answer (development only)."""
    adapter: Any = Adapter(operation)

    async def handler() -> ASGIApp:  # no parameter: Litestar then skips its own reading of the request
        if note:
            _tell(note)
        return adapter  # type: ignore[no-any-return] # an instance that is an ASGI application

    return _decorate(operation.endpoint, segments, handler)


def refuse(endpoint: Endpoint, segments: tuple[Segment, ...], *, note: str | None = None) -> HTTPRouteHandler:
    """Return the handler of a quarantined endpoint; `note` as in `serve`."""
    error_id = endpoint.error_id or ""

    async def handler() -> ASGIApp:
        if note:
            _tell(note)
        raise FunctionUnavailable(error_id)

    return _decorate(endpoint, segments, handler)


def _tell(note: str) -> None:
    if invocation := current.get():
        invocation.response_headers.append((FAULT_HEADER, note.encode("ascii", "replace")))


def _decorate(
    endpoint: Endpoint, segments: tuple[Segment, ...], handler: Callable[..., Any]
) -> HTTPRouteHandler:
    path = "/" + "/".join(_litestar(segment) for segment in segments)
    decorated: HTTPRouteHandler = _DECORATORS[endpoint.method](
        path,
        name=f"{endpoint.method} {endpoint.template}",
        opt={"endpoint": endpoint},
        status_code=200,  # the adapter writes the real one; Litestar's 204 for DELETE forbids a body
        request_max_body_size=endpoint.policy.max_body,
    )(handler)
    return decorated


def _litestar(segment: Segment) -> str:
    """Spell a segment in Litestar's grammar. Values stay text here; the adapter converts them."""
    kind = {"static": "", "dynamic": ":str", "rest": ":path"}[segment.kind]
    return f"{{{segment.text}{kind}}}" if kind else segment.text

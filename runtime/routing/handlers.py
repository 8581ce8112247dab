"""Operations and quarantined endpoints as Litestar handlers; ``opt["endpoint"]`` holds the `Endpoint`."""

from collections.abc import Callable
from typing import Any

from litestar import delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from runtime.config import Endpoint
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


def serve(operation: Operation, segments: tuple[Segment, ...]) -> HTTPRouteHandler:
    """Return the handler of an operation."""
    adapter: Any = Adapter(operation)

    async def handler() -> ASGIApp:  # no parameter: Litestar then skips its own reading of the request
        return adapter  # type: ignore[no-any-return] # an instance that is an ASGI application

    return _decorate(operation.endpoint, segments, handler)


def refuse(endpoint: Endpoint, segments: tuple[Segment, ...]) -> HTTPRouteHandler:
    """Return the handler of a quarantined endpoint."""
    error_id = endpoint.error_id or ""

    async def handler() -> ASGIApp:
        raise FunctionUnavailable(error_id)

    return _decorate(endpoint, segments, handler)


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

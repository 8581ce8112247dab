"""Operations and quarantined endpoints as Litestar handlers; ``opt["endpoint"]`` holds the `Endpoint`."""

from typing import cast

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp as LitestarApp
from litestar.types import Method

from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.config import Endpoint
from runtime.routing.calling.adapter import Adapter
from runtime.routing.calling.answers.endings import answer_ended
from runtime.routing.calling.isolated.application import IsolatedAdapter
from runtime.routing.matching.router import DIRECT
from runtime.routing.operation import Operation
from runtime.routing.reading.names import Segment
from shared.errors import FunctionUnavailable

FAULT_HEADER = b"x-annex-fault"


def serve(
    operation: Operation, segments: tuple[Segment, ...], *, note: str | None = None
) -> HTTPRouteHandler:
    """Return the handler of an operation; `note` stands in a header of every response (development only)."""
    is_isolated = operation.endpoint.policy.isolate
    app: ASGIApp = IsolatedAdapter(operation, segments) if is_isolated else Adapter(operation)
    if operation.event is not None and operation.endpoint.method == "GET":
        app = answer_ended(app)
    return _decorate(operation.endpoint, segments, _noted(app, note))


def refuse(endpoint: Endpoint, segments: tuple[Segment, ...], *, note: str | None = None) -> HTTPRouteHandler:
    """Return the handler of a quarantined endpoint; `note` as in `serve`."""
    error_id = endpoint.error_id or ""

    async def unavailable(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI's shape
        raise FunctionUnavailable(error_id)

    return _decorate(endpoint, segments, _noted(unavailable, note))


def _noted(app: ASGIApp, note: str | None) -> ASGIApp:
    if note is None:
        return app
    header = (FAULT_HEADER, note.encode("ascii", "replace"))

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        scope[SCOPE_KEY].response_headers.append(header)
        await app(scope, receive, send)

    return noted


def _decorate(endpoint: Endpoint, segments: tuple[Segment, ...], app: ASGIApp) -> HTTPRouteHandler:
    async def handler() -> LitestarApp:
        return app  # type: ignore[return-value]  # the same thing, typed by Litestar

    path = "/" + "/".join(_litestar(segment) for segment in segments)
    decorated = HTTPRouteHandler(
        path,
        http_method=cast("Method", endpoint.method),
        name=f"{endpoint.method} {endpoint.template}",
        opt={"endpoint": endpoint, DIRECT: app},
        status_code=200,  # the adapter writes the real one; Litestar's 204 for DELETE forbids a body
        request_max_body_size=endpoint.policy.max_body,
    )
    return decorated(handler)


def _litestar(segment: Segment) -> str:
    """Spell a segment in Litestar's grammar. Values stay text here; the adapter converts them."""
    kind = {"static": "", "dynamic": ":str", "rest": ":path"}[segment.kind]
    return f"{{{segment.text}{kind}}}" if kind else segment.text

"""Operations and quarantined endpoints as ASGI applications."""

from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.config import Endpoint
from runtime.routing.calling.adapter import Adapter
from runtime.routing.calling.answers.endings import answer_ended
from runtime.routing.calling.isolated.application import IsolatedAdapter
from runtime.routing.operation import Operation
from shared.errors import FunctionUnavailable

FAULT_HEADER = b"x-annex-fault"


def serve(operation: Operation, *, note: str | None = None) -> ASGIApp:
    """Return what answers for an operation; `note` is a header of every response (development only)."""
    is_isolated = operation.endpoint.policy.isolate
    app: ASGIApp = IsolatedAdapter(operation) if is_isolated else Adapter(operation)
    if operation.event is not None and operation.endpoint.method == "GET":
        app = answer_ended(app)
    return _noted(app, note)


def refuse(endpoint: Endpoint, *, note: str | None = None) -> ASGIApp:
    """Return what answers for a quarantined endpoint; `note` as in `serve`."""
    error_id = endpoint.error_id or ""

    async def unavailable(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI's shape
        raise FunctionUnavailable(error_id)

    return _noted(unavailable, note)


def _noted(app: ASGIApp, note: str | None) -> ASGIApp:
    if note is None:
        return app
    header = (FAULT_HEADER, note.encode("ascii", "replace"))

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        scope[SCOPE_KEY].response_headers.append(header)
        await app(scope, receive, send)

    return noted

"""The step that refuses files which have ended worker processes."""

from collections.abc import Awaitable, Mapping

from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.routing import Fault
from shared.errors import FunctionUnavailable

CURE = "Correct it. It serves again after a deploy, or after SIGHUP."


def fault_of(file: str, cause: str) -> Fault:
    """Return why `file` is closed."""
    return Fault(file=file, line=0, found=cause, cure=CURE)


def refuse_closed(app: ASGIApp, *, file: str, closed: Mapping[str, Fault]) -> ASGIApp:
    """Step: refuse a call of a file that is `closed` by now."""

    def passed(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if file in closed:
            raise FunctionUnavailable(closed[file].error_id)
        return app(scope, receive, send)

    return passed

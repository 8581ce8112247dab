"""Errors become problem documents here, and nothing of their inner text reaches the caller.

Functions and stages raise the errors of `shared.errors`, Litestar raises its own; anything else is a bug.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, CallerLeft, Receive, Scope, Send
from runtime.http.problems import MEDIA_TYPE, problem_response, send_problem, status_of
from runtime.routing.calling.answers.misfit import Misfit
from runtime.routing.calling.refusals import refusal_of
from runtime.telemetry import record_exception
from shared.errors import (
    AnnexError,
    Conflict,
    FieldError,
    Forbidden,
    Internal,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ShuttingDown,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)

logger = logging.getLogger(__name__)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""


def as_annex_error(error: Exception) -> AnnexError:
    """Return the error of ours that stands for what the framework or a bug raised."""
    if isinstance(error, AnnexError):
        return error
    if not isinstance(error, HTTPException):
        return Internal()
    kind = _FRAMEWORK.get(error.status_code)
    return kind(error) if kind else Internal()


def _not_allowed(error: HTTPException) -> AnnexError:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    methods = {method.strip() for method in headers.get("allow", "").split(",") if method.strip()}
    if "GET" in methods:
        methods.add("HEAD")
    return MethodNotAllowed(tuple(sorted(methods)))


_FRAMEWORK: dict[int, Callable[[HTTPException], AnnexError]] = {
    400: lambda _: Malformed("The request is malformed."),
    401: lambda _: Unauthenticated(),
    403: lambda _: Forbidden(),
    404: lambda _: NotFound("route"),
    405: _not_allowed,
    409: lambda _: Conflict(),
    413: lambda _: TooLarge("The body exceeds this function's limit."),
    415: lambda _: UnsupportedMediaType("Send the body as application/json."),
    429: lambda _: RateLimited(retry_after=1),
    503: lambda _: Unavailable(),
}
"""What Litestar's exceptions mean here; their text repeats the query string, so it is never used."""


class Errors:
    """Stage: whatever is raised inside becomes one log line, one span event, one problem document.

    Litestar's middleware for it wraps every `send` to learn whether a response has begun, which the
    invocation knows, and builds a request and a response for each error.

    Args:
        app: what it is around.
        explains: a refused caller learns what it lacks, as in development.
    """

    __slots__ = ("_app", "_explains")

    def __init__(self, app: ASGIApp, *, explains: bool = False) -> None:
        self._app = app
        self._explains = explains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an error after the response has begun is raised on, and cuts the connection."""
        try:
            await self._app(scope, receive, send)
        except CallerLeft:
            scope[SCOPE_KEY].error = CallerLeft.code
        except asyncio.CancelledError:
            invocation, task = scope[SCOPE_KEY], asyncio.current_task()
            is_cut = task is not None and task.cancelling() > 0  # by the server, at the end of the drain
            has_begun = bool(invocation.status)
            if not has_begun:
                await refuse(send, _cut(invocation, scope["method"]) if is_cut else Internal(), invocation)
            if is_cut or has_begun:
                raise
        except Exception as error:
            invocation = scope[SCOPE_KEY]
            if invocation.status:
                raise
            if self._explains and isinstance(error, Forbidden) and error.lacking:
                error.detail += f" The caller lacks {error.lacking} (said in development only)."
            await refuse(send, error, invocation)


def _cut(invocation: Invocation, method: str) -> AnnexError:
    """Return what a call is answered that was cut: what may have changed something must not be sent again."""
    if invocation.has_begun and method not in SAFE:
        return OutcomeUnknown(
            "This instance stopped during the call; check whether it was saved.",
            reason="the service stopped during the call",
        )
    return ShuttingDown()


def as_response(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer what was raised inside of Litestar, in the team's own handlers or before one was found.

    For `exception_handlers` of Litestar; a team's own ones come before it.
    """
    scope: dict[str, Any] = {**request.scope}
    invocation: Invocation = scope[SCOPE_KEY]
    noun = _of_handler(error) if "route_handler" in scope else error
    status, fields, body = problem_response(note(noun, invocation), invocation)
    headers = {name.decode(): value.decode("latin-1") for name, value in fields}
    return Response(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _of_handler(error: Exception) -> Exception:
    """Return the refusal that a handler's exception means; itself where it is a bug or needs no reading."""
    if isinstance(error, ValidationException):
        extra: Any = error.extra
        return Invalid(errors=tuple(_field(each) for each in extra or ()))
    if isinstance(error, HTTPException) and error.status_code != 405:
        return refusal_of(error) or error
    return error


def _field(found: dict[str, Any]) -> FieldError:
    return FieldError(str(found.get("source", "")), str(found.get("key", "")), str(found.get("message", "")))


def refuse(send: Send, error: Exception, invocation: Invocation) -> Awaitable[None]:
    """Answer a request with `error`, and note it in log and span."""
    return send_problem(send, note(error, invocation), invocation)


def note(error: Exception, invocation: Invocation) -> AnnexError:
    """Note an error in log and span, an unexpected one with its traceback; return the error to send."""
    noun = as_annex_error(error)
    invocation.error = type(error).__qualname__ if isinstance(noun, Internal) else noun.code
    if isinstance(noun, Misfit):
        logger.error(noun.log_text)
    elif isinstance(noun, Internal):
        logger.error("unhandled exception", exc_info=error)
    if status_of(noun) >= 500:
        record_exception(error)
    return noun

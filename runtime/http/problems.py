"""Every error as one problem document (RFC 9457), and the one table of status codes.

Rooms raise nouns from `shared.errors`; Litestar raises its own; anything else is a mistake of ours. All of
them leave the service through `answer`, and nothing of their inner text does.
"""

import logging
import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec
from litestar.exceptions import HTTPException
from msgspec import Struct
from opentelemetry import trace

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send, send_answer
from runtime.routing.calling.misfit import Misfit
from runtime.telemetry import record_exception
from shared.errors import (
    AnnexError,
    Conflict,
    DeadlineExceeded,
    FieldError,
    Forbidden,
    HeadersTooLarge,
    Internal,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    RequestTimeout,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    UriTooLong,
)

logger = logging.getLogger(__name__)

STATUS: dict[type[AnnexError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    RequestTimeout: 408,
    Conflict: 409,
    TooLarge: 413,
    UriTooLong: 414,
    UnsupportedMediaType: 415,
    RateLimited: 429,
    HeadersTooLarge: 431,
    Internal: 500,
    Unavailable: 503,
    DeadlineExceeded: 504,
}
"""A subclass has its nearest ancestor's status."""

TITLE = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

MEDIA_TYPE = "application/problem+json"
CONTENT_TYPE = (b"content-type", MEDIA_TYPE.encode())


class Problem(Struct, kw_only=True, omit_defaults=True):
    """The document (RFC 9457) with our extension members.

    Attributes:
        type: `urn:annex:problem:<code>`.
        title: the status in words.
        status: the HTTP status.
        detail: one sentence for the caller.
        code: stable name to branch on.
        request_id: finds the request in the log.
        trace_id: finds it in the traces, empty when it is not traced.
        errors: every thing wrong with the input.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    trace_id: str
    errors: tuple[FieldError, ...] = ()


class Answer(NamedTuple):
    """A problem ready to be sent by whoever sends: status, header fields, JSON body."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes


def status_of(error: AnnexError | type[AnnexError]) -> int:
    """Return the HTTP status of an error, its nearest listed ancestor's."""
    kind: Any = error if isinstance(error, type) else type(error)
    return _status_of(kind)


@cache
def _status_of(kind: type[AnnexError]) -> int:
    return next((STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS), 500)


def answer(error: AnnexError, invocation: Invocation | None) -> Answer:
    """Write the problem document of `error`; pure but for the current span's id."""
    status = status_of(error)
    context = trace.get_current_span().get_span_context()
    problem = Problem(
        type=f"urn:annex:problem:{error.code}",
        title=TITLE[status],
        status=status,
        detail=error.detail or TITLE[status],
        code=error.code,
        request_id=invocation.request_id if invocation else "",
        trace_id=trace.format_trace_id(context.trace_id) if context.is_valid else "",
        errors=error.errors if isinstance(error, Invalid) else (),
    )
    document: Any = problem
    if isinstance(error, Forbidden):
        document = msgspec.to_builtins(problem) | error.extra
    return Answer(status, _fields(error), msgspec.json.encode(document))


def _fields(error: AnnexError) -> list[tuple[bytes, bytes]]:
    fields = [CONTENT_TYPE]
    if isinstance(error, Unauthenticated):
        fields.append((b"www-authenticate", challenge(error.reason)))
    if isinstance(error, MethodNotAllowed):
        fields.append((b"allow", ", ".join(error.allow).encode()))
    if error.retry_after is not None:
        fields.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))))
    return fields


@lru_cache(64)
def challenge(reason: str) -> bytes:
    """Return the `WWW-Authenticate` value (RFC 6750 part 3); a request without a token is told no error."""
    if reason == "token-missing":
        return b'Bearer realm="annex"'
    return f'Bearer realm="annex", error="invalid_token", error_description="{reason}"'.encode("latin-1")


def as_annex_error(error: Exception) -> AnnexError:
    """Translate what the framework or a mistake raised into a noun of ours."""
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
    400: lambda _: Malformed("The request cannot be read."),
    401: lambda _: Unauthenticated(),
    403: lambda _: Forbidden(),
    404: lambda _: NotFound("route"),
    405: _not_allowed,
    409: lambda _: Conflict(),
    413: lambda _: TooLarge("The body is over this function's limit."),
    415: lambda _: UnsupportedMediaType("Send the body as application/json."),
    429: lambda _: RateLimited(retry_after=1),
    503: lambda _: Unavailable(),
}
"""What Litestar's own exceptions mean here; their text repeats the query string, so none of it is used."""


class Problems:
    """ASGI wrapper: whatever is raised inside leaves as one log line, one span event, one document.

    Litestar's own middleware for it wraps every `send` to learn whether an answer has begun, which the
    invocation knows, and builds a request and a response for each error.
    """

    __slots__ = ("_app",)

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is raised once an answer has begun goes on to the shell, which cuts it."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            invocation: Invocation = scope[SCOPE_KEY]
            if invocation.status:
                raise
            await refuse(send, error, invocation)


async def refuse(send: Send, error: Exception, invocation: Invocation) -> None:
    """Answer a request with what went wrong, and tell the log and the span."""
    noun = as_annex_error(error)
    note(error, noun, invocation)
    await send_problem(send, answer(noun, invocation))


def note(error: Exception, noun: AnnexError, invocation: Invocation | None) -> None:
    """Tell the log and the span about an error, once: a mistake with its traceback, the rest by name."""
    if invocation:
        invocation.error = type(error).__qualname__ if isinstance(noun, Internal) else noun.code
    if isinstance(noun, Misfit):
        logger.error(noun.log_text)
    elif isinstance(noun, Internal):
        logger.error("unhandled exception", exc_info=error)
    if status_of(noun) >= 500:
        record_exception(error)


async def send_problem(send: Send, problem: Answer) -> None:
    """Send a problem document from outside of Litestar."""
    await send_answer(send, problem.status, problem.fields, problem.body)

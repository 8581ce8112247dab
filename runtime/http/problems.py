"""The problem document of an error (RFC 9457), and the table of status codes."""

import math
from collections.abc import Awaitable
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from opentelemetry import trace

from runtime.asgi.invocation import Invocation
from runtime.asgi.messages import Send, send_answer
from shared.errors import (
    AnnexError,
    Conflict,
    DeadlineExceeded,
    FieldError,
    Forbidden,
    FunctionCrashed,
    FunctionStalled,
    HeadersTooLarge,
    IdempotencyKeyReused,
    Internal,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    RateLimited,
    Refused,
    RequestTimeout,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    UpgradeRequired,
    UriTooLong,
)

STATUS: dict[type[AnnexError], int] = {
    Invalid: 400,
    Refused: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    RequestTimeout: 408,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UriTooLong: 414,
    UnsupportedMediaType: 415,
    RangeNotSatisfiable: 416,
    IdempotencyKeyReused: 422,
    UpgradeRequired: 426,
    RateLimited: 429,
    HeadersTooLarge: 431,
    FunctionCrashed: 500,
    Internal: 500,
    FunctionStalled: 500,
    Unavailable: 503,
    DeadlineExceeded: 504,
}
"""A subclass has its nearest ancestor's status; a `Refused` has its own."""

TITLE = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    426: "Upgrade Required",
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


class ProblemResponse(NamedTuple):
    """A problem document with its status and header fields, ready to send."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes


def status_of(error: AnnexError | type[AnnexError]) -> int:
    """Return the HTTP status of an error, that of its nearest listed ancestor."""
    if isinstance(error, Refused):
        return error.status
    kind: Any = error if isinstance(error, type) else type(error)
    return _status_of(kind)


@cache
def _status_of(kind: type[AnnexError]) -> int:
    return next((STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS), 500)


def problem_response(error: AnnexError, invocation: Invocation | None) -> ProblemResponse:
    """Return the problem document of `error`, with the id of the current trace."""
    status = status_of(error)
    title = TITLE.get(status) or HTTPStatus(status).phrase
    context = trace.get_current_span().get_span_context()
    problem = Problem(
        type=f"urn:annex:problem:{error.code}",
        title=title,
        status=status,
        detail=error.detail or title,
        code=error.code,
        request_id=invocation.request_id if invocation else "",
        trace_id=trace.format_trace_id(context.trace_id) if context.is_valid else "",
        errors=error.errors if isinstance(error, Invalid) else (),
    )
    document: Any = problem
    if isinstance(error, Forbidden):
        document = msgspec.to_builtins(problem) | error.extra
    return ProblemResponse(status, _fields(error), msgspec.json.encode(document))


def _fields(error: AnnexError) -> list[tuple[bytes, bytes]]:
    fields = [CONTENT_TYPE]
    if isinstance(error, Unauthenticated):
        fields.append((b"www-authenticate", challenge(error.reason)))
    if isinstance(error, MethodNotAllowed):
        fields.append((b"allow", ", ".join(error.allow).encode()))
    if isinstance(error, RangeNotSatisfiable):
        fields.append((b"content-range", b"bytes */%d" % error.length))
    if isinstance(error, UpgradeRequired):
        fields.append((b"upgrade", b"HTTP/1.1"))  # RFC 9110, 15.5.22, demands one
    if error.retry_after is not None:
        fields.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))))
    return fields


@lru_cache(64)
def challenge(reason: str) -> bytes:
    """Return the `WWW-Authenticate` value (RFC 6750 part 3); without a token it names no error."""
    if reason == "token-missing":
        return b'Bearer realm="annex"'
    return f'Bearer realm="annex", error="invalid_token", error_description="{reason}"'.encode("latin-1")


def send_problem(send: Send, error: AnnexError, invocation: Invocation | None) -> Awaitable[None]:
    """Send the problem document of `error`."""
    return send_answer(send, *problem_response(error, invocation))

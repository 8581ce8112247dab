"""The tree of everything that can go wrong on purpose.

A function raises the noun; `runtime.http.problems` alone knows which status it becomes. Every `detail` is
written for the caller: it never carries a secret, SQL text or another exception's message.

AnnexError
├── Invalid               the input does not fit; lists every field
│   └── Malformed         the input cannot be read at all
├── Unauthenticated       no acceptable credential
├── Forbidden             a credential that may not do this
├── NotFound
├── MethodNotAllowed      the URL exists, not for this method
├── RequestTimeout        the request did not arrive in time
├── Conflict
├── TooLarge              the body is over its limit
├── UriTooLong
├── HeadersTooLarge
├── UnsupportedMediaType
├── RateLimited           over a limit that belongs to this caller
│   └── TooManyRuns           agent runs under way
├── Unavailable           a dependency or the service cannot answer now
│   ├── DatabaseUnavailable
│   ├── KeysUnavailable         the keys that verify tokens cannot be had
│   ├── FunctionUnavailable     the file behind this route is quarantined
│   ├── ShuttingDown            this instance stops
│   ├── Overloaded              the queue is full
│   ├── AgentsUnavailable       no model is configured, or the agents extra is not installed
│   ├── ModelUnavailable        the model provider fails, refuses or breaks off
│   └── RunLost                 an agent run ended with the server that played it
├── DeadlineExceeded
└── Internal              our own mistake; the caller learns only the ids that find it in the log
"""

from typing import ClassVar

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One thing wrong with one input.

    Attributes:
        location: where it was: ``body``, ``query``, ``path`` or ``header``.
        field: dotted path inside the location, ``""`` for the whole of it.
        message: what was expected.
    """

    location: str
    field: str
    message: str


class AnnexError(Exception):
    """The root; never raised itself.

    Attributes:
        code: stable lower snake case name, part of the wire contract.
        detail: one sentence for the caller.
        retry_after: seconds after which trying again makes sense, or None.
    """

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class Invalid(AnnexError):
    """The input does not fit what the function asked for."""

    code = "invalid_input"

    def __init__(self, detail: str = "", *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail or "The request does not fit what this function expects.")
        self.errors = errors


class Malformed(Invalid):
    """The input cannot be read at all: broken JSON, invalid UTF-8, nesting without end."""

    code = "malformed_request"


class Unauthenticated(AnnexError):
    """No credential, or one that is not accepted.

    Attributes:
        reason: stable name of the refusal, such as ``token-expired``; never part of the token.
    """

    code = "unauthenticated"

    def __init__(self, reason: str = "token-missing", detail: str = "") -> None:
        super().__init__(detail or "A valid session token is required.")
        self.reason = reason


class Forbidden(AnnexError):
    """The credential is good, but may not do this.

    Attributes:
        extra: members added to the problem document (Clerk's re-verification hint).
    """

    code = "forbidden"

    def __init__(self, detail: str = "", *, extra: dict[str, object] | None = None) -> None:
        super().__init__(detail or "This session may not do this.")
        self.extra = extra or {}


class NotFound(AnnexError):
    """There is no such thing: ``NotFound("signal", symbol)``."""

    code = "not_found"

    def __init__(self, kind: str = "", key: object = None) -> None:
        what = f"No {kind} {key!s}." if kind and key is not None else f"No such {kind or 'resource'}."
        super().__init__(what)


class MethodNotAllowed(AnnexError):
    """The URL exists, but not for this method.

    Attributes:
        allow: the methods that it has.
    """

    code = "method_not_allowed"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(f"This URL answers {', '.join(allow)}.")
        self.allow = allow


class RequestTimeout(AnnexError):
    """The request did not arrive in time."""

    code = "request_timeout"


class Conflict(AnnexError):
    """The state of the resource forbids it."""

    code = "conflict"


class TooLarge(AnnexError):
    """The body is over its limit (bytes)."""

    code = "body_too_large"


class UriTooLong(AnnexError):
    """The URL is over its limit (bytes)."""

    code = "uri_too_long"


class HeadersTooLarge(AnnexError):
    """The request's headers are over their limit in count or bytes."""

    code = "headers_too_large"


class UnsupportedMediaType(AnnexError):
    """The body is not of a content type that this function reads."""

    code = "unsupported_media_type"


class RateLimited(AnnexError):
    """Over a limit that belongs to this caller."""

    code = "rate_limited"


class TooManyRuns(RateLimited):
    """The caller, or the process, already has as many agent runs under way as it may."""

    code = "too_many_runs"


class Unavailable(AnnexError):
    """Something needed for the answer is not there now. Carries ``retry_after``, 1 second unless told."""

    code = "unavailable"

    def __init__(self, detail: str = "", *, retry_after: float | None = 1) -> None:
        super().__init__(detail or "The service cannot answer this now; try again.", retry_after=retry_after)


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or every connection stayed busy for the whole acquire budget.

    Attributes:
        reason: a few words for the log, the readiness detail and `annex doctor`; never for the caller.
    """

    code = "database_unavailable"

    def __init__(self, detail: str = "", *, reason: str = "", retry_after: float | None = 1) -> None:
        super().__init__(detail or "The database cannot answer now; try again.", retry_after=retry_after)
        self.reason = reason


class KeysUnavailable(Unavailable):
    """No usable key to verify a token with: our trouble, so never 401."""

    code = "auth_unavailable"


class FunctionUnavailable(Unavailable):
    """The file behind this route is quarantined; ``error_id`` finds its cause in the log."""

    code = "function_unavailable"

    def __init__(self, error_id: str) -> None:
        super().__init__(f"This function is out of service (error {error_id}).", retry_after=30)
        self.error_id = error_id


class ShuttingDown(Unavailable):
    """This instance stops; the same call can be made again at another one."""

    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("This instance is shutting down; try again.")


class Overloaded(Unavailable):
    """The queue in front of this function, or of the service, is full."""

    code = "overloaded"


class AgentsUnavailable(Unavailable):
    """Agents cannot work in this process: no model is configured, or the extra is not installed."""

    code = "agents_unavailable"


class ModelUnavailable(Unavailable):
    """The model provider fails, refuses or breaks off; never carries what the provider said."""

    code = "model_unavailable"


class RunLost(Unavailable):
    """An agent run ended with the server that played it."""

    code = "run_lost"


class DeadlineExceeded(AnnexError):
    """The time for this call is used up."""

    code = "deadline_exceeded"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or "The time for this call is used up.")


class Internal(AnnexError):
    """Our own mistake; the caller learns only the ids that find it in the log."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side; the log knows more under these ids.")

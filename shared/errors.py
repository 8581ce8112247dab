"""The errors that callers are meant to see, as one tree of exceptions.

A function raises one; only `runtime.http.problems` knows which HTTP status it becomes. Every `detail` is
written for the caller: it never contains a secret, SQL text or another exception's message.

AnnexError
├── Invalid               the input is invalid; lists every field
│   └── Malformed         the input cannot be parsed
├── Unauthenticated       no valid credential
├── Forbidden             a valid credential without the permission
├── NotFound
├── MethodNotAllowed      the URL exists, but not for this method
├── RequestTimeout        the request did not arrive in time
├── Conflict
│   ├── IdempotencyInProgress the first call with this key still runs
│   └── CallLost              nobody knows what became of it
├── IdempotencyKeyReused  the key was given with another call
├── TooLarge              the body exceeds its limit
├── UriTooLong
├── PreconditionFailed    a body is no longer the one that the caller names
├── RangeNotSatisfiable   a part behind the end of a body was asked for
├── HeadersTooLarge
├── UnsupportedMediaType
├── UpgradeRequired       a WebSocket was asked for
├── RateLimited           this caller exceeded a limit
│   └── TooManyRuns           too many agent runs at once
├── Unavailable           a dependency or the service is temporarily unavailable
│   ├── DatabaseUnavailable
│   │   └── OutcomeUnknown      the connection was lost during a change
│   ├── KeysUnavailable         no key to verify tokens with
│   ├── FunctionUnavailable     the file behind this route is quarantined
│   ├── ShuttingDown            this instance is shutting down
│   ├── Overloaded              too many requests at once
│   ├── AgentsUnavailable       no model is configured, or the agents extra is not installed
│   ├── ModelUnavailable        the model provider failed or refused
│   ├── RunLost                 the server that executed an agent run is gone
│   └── OutOfMemory             an isolated function needed more memory than it may take
├── Refused               the function's own status, for which there is no noun
├── DeadlineExceeded
├── FunctionStalled       the function held the event loop and was interrupted
├── FunctionCrashed       the process of an isolated function ended during the call
└── Internal              a bug in the service; the caller gets only the ids that find it in the log
"""

from typing import ClassVar

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One invalid input.

    Attributes:
        location: ``body``, ``query``, ``path``, ``header`` or ``cookie``.
        field: dotted path inside the location, ``""`` for the location as a whole.
        message: what was expected.
    """

    location: str
    field: str
    message: str


class AnnexError(Exception):
    """The base class; never raised itself.

    Attributes:
        code: stable name in lower snake case, part of the contract.
        detail: one sentence for the caller.
        retry_after: seconds after which a retry makes sense, or None.
    """

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class Invalid(AnnexError):
    """The input is invalid; `errors` lists every field."""

    code = "invalid_input"

    def __init__(self, detail: str = "", *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail or "The request is invalid.")
        self.errors = errors


class Malformed(Invalid):
    """The input cannot be parsed: invalid JSON or UTF-8, or too deeply nested."""

    code = "malformed_request"


class Unauthenticated(AnnexError):
    """The credential is missing or invalid.

    Attributes:
        reason: stable name of the reason, such as ``token-expired``; never part of the token.
        expected: what would have been accepted; for the log.
        came: what was there instead, as little of it as tells the cause; for the log.
        cure: what to do, where the reason alone does not tell.
    """

    code = "unauthenticated"

    def __init__(
        self,
        reason: str = "token-missing",
        detail: str = "",
        *,
        expected: str = "",
        came: str = "",
        cure: str = "",
    ) -> None:
        super().__init__(detail or "A valid session token is required.")
        self.reason = reason
        self.expected = expected
        self.came = came
        self.cure = cure


class Forbidden(AnnexError):
    """The credential is valid, but lacks the permission.

    Attributes:
        extra: members added to the problem document (Clerk's re-verification hint).
        lacking: what the caller lacks, as the object of a sentence; sent in development alone.
    """

    code = "forbidden"

    def __init__(
        self, detail: str = "", *, extra: dict[str, object] | None = None, lacking: str = ""
    ) -> None:
        super().__init__(detail or "You do not have permission to do this.")
        self.extra = extra or {}
        self.lacking = lacking


class NotFound(AnnexError):
    """The resource does not exist.

    ``NotFound("signal", symbol)`` reads ``Signal "SPY" was not found.``
    """

    code = "not_found"

    def __init__(self, kind: str = "", key: object = None) -> None:
        named = kind and key is not None
        what = f'{kind[0].upper()}{kind[1:]} "{key!s}"' if named else f"The {kind or 'resource'}"
        super().__init__(f"{what} was not found.")


class MethodNotAllowed(AnnexError):
    """The URL exists, but not for this method.

    Attributes:
        allow: the methods that the URL supports.
    """

    code = "method_not_allowed"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(f"This URL supports only {', '.join(allow)}.")
        self.allow = allow


class RequestTimeout(AnnexError):
    """The request did not arrive in time."""

    code = "request_timeout"


class Conflict(AnnexError):
    """The request conflicts with the current state of the resource."""

    code = "conflict"


class IdempotencyInProgress(Conflict):
    """The first call with this `Idempotency-Key` still runs; the same call can be sent again."""

    code = "idempotency_in_progress"

    def __init__(self) -> None:
        super().__init__("The first call with this Idempotency-Key still runs; try again.", retry_after=1)


class CallLost(Conflict):
    """The first call with this `Idempotency-Key` ended without an answer that is known; it may be saved."""

    code = "outcome_unknown"

    def __init__(self) -> None:
        super().__init__(
            "The first call with this Idempotency-Key ended without a known answer; check whether it was "
            "saved, and use a new key."
        )


class IdempotencyKeyReused(AnnexError):
    """The `Idempotency-Key` was given before, with another method, URL or body."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another call; use a new one for each call.")


class PreconditionFailed(AnnexError):
    """What the caller names in `If-Match` or `If-Unmodified-Since` is no longer so."""

    code = "precondition_failed"

    def __init__(self) -> None:
        super().__init__("It has changed since; fetch it again, and decide anew.")


class TooLarge(AnnexError):
    """The body exceeds its limit in bytes."""

    code = "body_too_large"


class UriTooLong(AnnexError):
    """The URL exceeds its limit in bytes."""

    code = "uri_too_long"


class RangeNotSatisfiable(AnnexError):
    """A part behind the end of the body was asked for.

    Attributes:
        length: bytes of the whole body.
    """

    code = "range_not_satisfiable"

    def __init__(self, length: int) -> None:
        super().__init__(f"The body has {length} bytes; ask for a part of them.")
        self.length = length


class HeadersTooLarge(AnnexError):
    """The request's headers exceed their limit in number or bytes."""

    code = "headers_too_large"


class UnsupportedMediaType(AnnexError):
    """The content type of the body is not supported here."""

    code = "unsupported_media_type"


class UpgradeRequired(AnnexError):
    """A WebSocket was asked for, which the service does not speak."""

    code = "upgrade_required"


class RateLimited(AnnexError):
    """The caller exceeded a rate limit."""

    code = "rate_limited"


class TooManyRuns(RateLimited):
    """The caller, or the process, has reached its limit of agent runs at once."""

    code = "too_many_runs"


class Unavailable(AnnexError):
    """The service, or something that it depends on, is temporarily unavailable."""

    code = "unavailable"

    def __init__(self, detail: str = "", *, retry_after: float | None = 1) -> None:
        super().__init__(
            detail or "The service is temporarily unavailable; try again.", retry_after=retry_after
        )


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or no connection became free in time.

    Attributes:
        reason: for the log, the readiness detail and `annex doctor`; never for the caller.
    """

    code = "database_unavailable"

    def __init__(self, detail: str = "", *, reason: str = "", retry_after: float | None = 1) -> None:
        super().__init__(
            detail or "The database is temporarily unavailable; try again.", retry_after=retry_after
        )
        self.reason = reason


class OutcomeUnknown(DatabaseUnavailable):
    """The database connection was lost, or this instance stopped, during a change: it may be saved.

    Args:
        cause: what was lost, as the subject and verb of a sentence.
    """

    code = "outcome_unknown"

    def __init__(self, cause: str = "The database connection was lost") -> None:
        super().__init__(
            f"{cause} during a change; check whether it was saved.",
            reason=f"{cause[0].lower()}{cause[1:]} during a change",
            retry_after=None,
        )


class KeysUnavailable(Unavailable):
    """No key is available to verify tokens with; the credential itself was not judged."""

    code = "auth_unavailable"


class FunctionUnavailable(Unavailable):
    """The file behind this route is quarantined; `error_id` finds the cause in the log."""

    code = "function_unavailable"

    def __init__(self, error_id: str) -> None:
        super().__init__(
            f"This function is unavailable because its file is broken (error id {error_id}).", retry_after=30
        )
        self.error_id = error_id


class ShuttingDown(Unavailable):
    """This instance is shutting down; the same request can be sent again to another one."""

    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("This instance is shutting down; try again.")


class Overloaded(Unavailable):
    """This function, or the service, is at its limit of requests at once and its queue is full."""

    code = "overloaded"


class AgentsUnavailable(Unavailable):
    """Agents are unavailable: no model is configured, or the extra is not installed."""

    code = "agents_unavailable"


class ModelUnavailable(Unavailable):
    """The model provider failed, refused the request or broke off its response."""

    code = "model_unavailable"


class RunLost(Unavailable):
    """The server that executed the agent run is gone, and the run with it."""

    code = "run_lost"


class OutOfMemory(Unavailable):
    """The isolated function needed more memory than its process may take."""

    code = "out_of_memory"

    def __init__(self) -> None:
        super().__init__("The call needed more memory than it may take.", retry_after=None)


class Refused(AnnexError):
    """The function refused with a status of its own, which no other code stands for.

    Attributes:
        status: from 400 to 599.
    """

    code = "refused"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class DeadlineExceeded(AnnexError):
    """The call did not finish before its deadline."""

    code = "deadline_exceeded"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or "The call did not finish in time.")


class FunctionStalled(AnnexError):
    """The function held the event loop for too long and was interrupted; the log names the line."""

    code = "function_stalled"

    def __init__(self) -> None:
        super().__init__(
            "The function held the event loop for too long and was interrupted; see request_id in the log."
        )


class FunctionCrashed(AnnexError):
    """The process of an isolated function ended during the call; the cause is in the log."""

    code = "function_crashed"

    def __init__(self) -> None:
        super().__init__("The function ended during the call. Quote request_id when you report it.")


class Internal(AnnexError):
    """A bug in the service; the ids in the response find it in the log."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("Internal server error. Quote request_id when you report it.")

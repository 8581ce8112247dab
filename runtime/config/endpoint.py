"""One method of one route, known before its file runs."""

from msgspec import Struct

from runtime.config.policy import Policy

METHODS = ("get", "post", "put", "patch", "delete")
"""The handlers that answer requests."""

JOB = "job"
HANDLERS = (*METHODS, JOB)
"""The names that make a function of a file a handler."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """One method of one route, known before its handler runs.

    Attributes:
        method: upper case, such as ``GET``.
        template: ``/orders/{id}``, without types.
        file: path below the functions folder, with forward slashes.
        policy: what holds for it.
        stream: the handler returns an event stream.
        error_id: set when the file is quarantined.
    """

    method: str
    template: str
    file: str
    policy: Policy
    stream: bool = False
    error_id: str | None = None

"""One request on its walk: the only mutable record that the rooms share, each writing its own line of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Task

    from runtime.config import Endpoint
    from shared.identity import User

SCOPE_KEY = "annex"
REFUSAL_KEY = "annex.refusal"  # the server's wish that the shell refuse this request: an AnnexError


class Invocation:
    """Made by the shell, kept in ``scope["annex"]`` and in `current`.

    Attributes:
        request_id: taken from a trusted proxy or made.
        client: the caller's address as far as trusted proxies tell it.
        method: as sent, HEAD included.
        started: `time.perf_counter` at arrival.
        deadline: loop time at which the call is cut, None before the gate.
        endpoint: set by the gate once the router has matched.
        user: set by the gate once the credential is verified.
        auth: outcome for telemetry: ``public``, ``session``, a refusal's reason, …
        is_public: the answer is the same for every caller; False until its function is known to see none.
        error: class name or code of what ended the call badly.
        status: of the response once its head is sent, 0 before.
        response_headers: added to the response's head by the shell, whoever answers.
        tasks: what the function started and has not finished; None outside of the gate.
    """

    __slots__ = (
        "auth",
        "client",
        "deadline",
        "endpoint",
        "error",
        "is_public",
        "method",
        "request_id",
        "response_headers",
        "started",
        "status",
        "tasks",
        "user",
    )

    def __init__(self, *, request_id: str, client: str, method: str, started: float) -> None:
        self.request_id = request_id
        self.client = client
        self.method = method
        self.started = started
        self.deadline: float | None = None
        self.endpoint: Endpoint | None = None
        self.user: User | None = None
        self.auth: str = ""
        self.error: str = ""
        self.is_public = False
        self.status = 0
        self.response_headers: list[tuple[bytes, bytes]] = []
        self.tasks: set[Task[Any]] | None = None


current: ContextVar[Invocation | None] = ContextVar("annex_invocation", default=None)

"""One request: the only mutable record that the stages share, each writing its own part of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Task

    from runtime.config import Endpoint
    from shared.identity import User

SCOPE_KEY = "annex"
RUN_KEY = "annex.run"  # set by the worker: the Run that a job works on
REFUSAL_KEY = "annex.refusal"  # set by the server: the AnnexError with which this request is to be refused


class Invocation:
    """Made by the shell, kept in ``scope["annex"]`` and in `current`.

    Attributes:
        request_id: from a trusted proxy, or made here.
        client: the caller's address, from a trusted proxy or the socket.
        method: as sent, HEAD included.
        started: `time.perf_counter` at arrival.
        content_length: bytes of the body as declared, None before the gate and where nothing is declared.
        is_chunked: the body comes in chunks and declares no length; False before the gate.
        deadline: loop time at which the call is cut, None before the gate.
        endpoint: set by the gate once the router has matched.
        user: set by the gate once the credential is verified.
        auth: outcome for telemetry: ``public``, ``session``, a refusal's reason, …
        is_public: the response is the same for every caller; False until that is known.
        error: class name or error code of what made the call fail.
        status: of the response once its head is sent, 0 before.
        response_headers: added by the shell to the head of every response.
        tasks: what the function started and has not finished; None outside of the gate.
    """

    __slots__ = (
        "auth",
        "client",
        "content_length",
        "deadline",
        "endpoint",
        "error",
        "is_chunked",
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
        self.content_length: int | None = None
        self.is_chunked = False
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

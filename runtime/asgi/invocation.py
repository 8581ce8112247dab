"""One request: the only mutable record that the stages share, each writing its own part of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from asyncio import Task

    from runtime.config import Endpoint
    from shared.identity import User

SCOPE_KEY = "annex"
RUN_KEY = "annex.run"  # set by the worker: the Run that a job works on
AGAIN_KEY = "annex.again"  # set by the worker: the Run for which it makes a call again
BODY_KEY = "annex.body"  # set by what reads the body: the bytes, where the call may have to be made again
REFUSAL_KEY = "annex.refusal"  # set by the server: the AnnexError with which this request is to be refused


class Invocation(Struct, kw_only=True, eq=False):
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
        has_begun: the function itself was called, its input being valid.
        error: class name or error code of what made the call fail.
        status: of the response once its head is sent, 0 before.
        response_headers: added by the shell to the head of every response.
        tasks: what the function started and has not finished; None outside of the gate.
    """

    request_id: str
    client: str
    method: str
    started: float
    content_length: int | None = None
    is_chunked: bool = False
    deadline: float | None = None
    endpoint: Endpoint | None = None
    user: User | None = None
    auth: str = ""
    error: str = ""
    has_begun: bool = False
    is_public: bool = False
    status: int = 0
    response_headers: list[tuple[bytes, bytes]] = []
    tasks: set[Task[Any]] | None = None


current: ContextVar[Invocation | None] = ContextVar("annex_invocation", default=None)


def calling_file() -> str | None:
    """Return the file of the function whose call this code belongs to; None for the service's own code."""
    invocation = current.get()
    return invocation.endpoint.file if invocation is not None and invocation.endpoint is not None else None

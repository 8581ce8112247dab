"""Is it alive, is it ready, how is it: three public answers that never take longer than their own budget."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import Receive, Scope, Send, send_answer
from runtime.http.problems import answer, send_problem
from shared.errors import MethodNotAllowed

BUDGET = 0.9  # seconds for one check; the promise is 1 s for the answer
FRESH = 1.0  # seconds for which a finished check is not asked again: probes must not become load

PATHS = frozenset({f"/health{part}{slash}" for part in ("", "/live", "/ready") for slash in ("", "/")})
"""What is answered here; a function may have any other URL that begins the same."""

JSON = (b"content-type", b"application/json")


class Check(Struct, omit_defaults=True):
    """One thing the service depends on.

    Attributes:
        status: `down` takes the instance out of service, `degraded` is told and tolerated.
        detail: what a person can act on; never a secret.
    """

    status: Literal["ok", "degraded", "down"]
    detail: Any = None


class Report(Struct):
    """The body of `/health` and `/health/ready`."""

    status: str
    version: str
    uptime_seconds: int
    checks: dict[str, Check]


type Probe = Callable[[], Awaitable[Check]]


class Health:
    """ASGI app for `/health`, `/health/live` and `/health/ready`."""

    def __init__(self, probes: Mapping[str, Probe], *, version: str) -> None:
        self._probes = {name: _Cached(probe) for name, probe in probes.items()}
        self._version = version
        self._born = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; `/health` is 200 whenever it can speak, `/health/ready` is 503 when a check is down."""
        invocation = scope[SCOPE_KEY]
        path = scope["path"].rstrip("/")
        if scope["method"] not in {"GET", "HEAD"}:
            return await send_problem(send, answer(MethodNotAllowed(("GET", "HEAD")), invocation))
        if path == "/health/live":
            return await send_answer(send, 200, (JSON,), b'{"status":"ok"}')
        report = await self.report()
        status = 503 if path == "/health/ready" and report.status == "down" else 200
        return await send_answer(send, status, (JSON,), msgspec.json.encode(report))

    async def report(self) -> Report:
        """Run every check at once, each inside its budget."""
        results = await asyncio.gather(*(cached.result() for cached in self._probes.values()))
        checks = dict(zip(self._probes, results, strict=True))
        statuses = {check.status for check in checks.values()}
        worst = next((status for status in ("down", "degraded") if status in statuses), "ok")
        return Report(worst, self._version, int(time.monotonic() - self._born), checks)


class _Cached:
    """A probe whose answer is shared by everybody who asks within `FRESH` seconds."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._last: Check | None = None
        self._at = 0.0
        self._running: asyncio.Task[Check] | None = None

    async def result(self) -> Check:
        if self._last is not None and time.monotonic() - self._at < FRESH:
            return self._last
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def _run(self) -> Check:
        try:
            async with asyncio.timeout(BUDGET):
                self._last = await self._probe()
        except TimeoutError:
            self._last = Check("down", "no answer in time")
        finally:
            self._at = time.monotonic()
            self._running = None
        return self._last

"""Health checks: is the process alive, is it ready, what is wrong; each within its time budget."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from runtime.asgi import urls
from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send, send_answer
from runtime.http.problems import send_problem
from shared.errors import MethodNotAllowed

BUDGET = 0.9  # seconds for one check; the response is promised within 1 s
FRESH = 1.0  # seconds in which a finished check is not run again, so that probes do not become load

PATHS = urls.HEALTH | {f"{url}/" for url in urls.HEALTH}
"""A function may have any other URL that begins the same."""

JSON = (b"content-type", b"application/json")


class Check(Struct, omit_defaults=True):
    """One thing the service depends on.

    Attributes:
        status: `down` takes the instance out of service, `degraded` is only reported.
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


type HealthProbe = Callable[[], Awaitable[Check]]


class Health:
    """Stage: answers `/health`, `/health/live` and `/health/ready`, also while the service is busy."""

    def __init__(self, probes: Mapping[str, HealthProbe], *, version: str) -> None:
        self._probes = {name: _Cached(probe) for name, probe in probes.items()}
        self._version = version
        self._started = time.monotonic()

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Put health checks around `app`."""

        def check(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            return self._answer(scope, send) if scope["path"] in PATHS else app(scope, receive, send)

        return check

    async def _answer(self, scope: Scope, send: Send) -> None:
        """Answer; `/health` is always 200, `/health/ready` is 503 when a check is down."""
        path = scope["path"].rstrip("/")
        if scope["method"] not in {"GET", "HEAD"}:
            return await send_problem(send, MethodNotAllowed(("GET", "HEAD")), scope[SCOPE_KEY])
        if path == urls.LIVE:
            return await send_answer(send, 200, (JSON,), b'{"status":"ok"}')
        report = await self.report()
        status = 503 if path == urls.READY and report.status == "down" else 200
        return await send_answer(send, status, (JSON,), msgspec.json.encode(report))

    async def report(self) -> Report:
        """Run all checks concurrently, each within its budget."""
        results = await asyncio.gather(*(cached.result() for cached in self._probes.values()))
        checks = dict(zip(self._probes, results, strict=True))
        statuses = {check.status for check in checks.values()}
        worst = next((status for status in ("down", "degraded") if status in statuses), "ok")
        return Report(worst, self._version, int(time.monotonic() - self._started), checks)


class _Cached:
    """A probe whose result is shared by all requests within `FRESH` seconds."""

    def __init__(self, probe: HealthProbe) -> None:
        self._probe = probe
        self._last: Check | None = None
        self._at = 0.0
        self._running: asyncio.Task[Check] | None = None

    async def result(self) -> Check:
        if self._last is not None and time.monotonic() - self._at < FRESH:
            return self._last
        if self._running is None or self._running.done():  # also where a function has cancelled all tasks
            self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def _run(self) -> Check:
        asked = asyncio.create_task(self._examined())
        await asyncio.wait({asked}, timeout=BUDGET)  # and no longer, however slowly it ends
        if not asked.done():
            asked.cancel()
        has_ended = asked.done() and not asked.cancelled()
        self._last = asked.result() if has_ended else Check("down", "no answer within the time budget")
        self._at = time.monotonic()
        return self._last

    async def _examined(self) -> Check:
        try:
            return await self._probe()
        except Exception as error:  # noqa: BLE001  # whatever is wrong, it is an answer
            return Check("down", f"it cannot be examined: {type(error).__name__}")

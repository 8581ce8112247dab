"""What health checks look at: database, keys, queue, functions in quarantine, whether a stop was asked for.

Keys and queue are what a deployment must know: until each has responded once, the process is not ready. Later
they only degrade it: every replica would turn at once, and what needs neither goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from runtime.http.health.health import Check, HealthProbe
from runtime.routing import Fault, RouteTable
from shared.database import Database, OutOfDescriptors, PoolInUse
from shared.errors import DatabaseUnavailable

PING_TIMEOUT = 0.8  # seconds; a health check as a whole has 1


def database_probe(database: Database, *, is_configured: bool) -> HealthProbe:
    """Down while a configured database does not answer; degraded while functions keep every connection."""

    async def probe() -> Check:
        if not is_configured:
            return Check("ok", "not configured")
        try:
            await database.ping(PING_TIMEOUT)
        except PoolInUse as error:
            return Check("degraded", error.reason)
        except OutOfDescriptors as error:
            return Check("down", error.reason)
        except DatabaseUnavailable:
            return Check("down", "the database does not respond")
        return Check("ok")

    return probe


def keys_probe(state: Callable[[], tuple[bool, str]]) -> HealthProbe:
    """Down until there is a key to verify tokens with; degraded while keys cannot be renewed.

    Args:
        state: whether there is a usable key, and why the keys cannot be renewed.
    """
    was_ready = False

    async def probe() -> Check:
        nonlocal was_ready
        is_usable, problem = state()
        was_ready = was_ready or is_usable
        if is_usable and not problem:
            return Check("ok")
        text = f"the public keys cannot be fetched: {problem or 'the first answer is awaited'}"
        return Check("degraded" if was_ready else "down", text)

    return probe


def queue_probe(ping: Callable[[], Awaitable[object]] | None) -> HealthProbe:
    """Down until the server of REDIS_URL has responded; degraded while it does not. `ping` asks it."""
    has_responded = False

    async def probe() -> Check:
        nonlocal has_responded
        if ping is None:
            return Check("ok", "not configured")
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await ping()
        except Exception as error:  # noqa: BLE001  # names, sockets, protocol: each has its own
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            problem = f"the server of REDIS_URL does not respond: {type(cause).__name__}"
            return Check("degraded" if has_responded else "down", problem)
        has_responded = True
        return Check("ok")

    return probe


def functions_probe(
    table: Callable[[], RouteTable], closed: Callable[[], Iterable[Fault]], *, show_cause: bool
) -> HealthProbe:
    """Down where nothing is served, degraded by a file in quarantine; its cause is shown in development only.

    The text of a failed import may contain anything; in production the log has it, under the error id.
    """

    async def probe() -> Check:
        now = table()
        shut = {fault.file: fault for fault in closed()}
        serving = {"serving": sum(each.endpoint.file not in shut for each in now.operations)}
        faults = (*now.faults, *shut.values())
        is_empty = not now.operations and not now.others
        if is_empty and not faults:
            return Check("down", "there is no function; ANNEX_FUNCTIONS names their folder")
        if not faults:
            return Check("ok", serving)
        quarantined = [
            {"file": fault.file, "line": fault.line, "error_id": fault.error_id}
            | ({"cause": f"{fault.found} {fault.cure}"} if show_cause else {})
            for fault in faults
        ]
        return Check("down" if is_empty else "degraded", {**serving, "quarantined": quarantined})

    return probe


def service_probe(
    is_draining: Callable[[], bool], service: Callable[[], Mapping[str, object]]
) -> HealthProbe:
    """Down once the service is stopping; tells of its workers, and of the latest deaths among them."""

    async def probe() -> Check:
        return Check("down", "draining") if is_draining() else Check("ok", service() or None)

    return probe

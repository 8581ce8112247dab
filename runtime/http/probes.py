"""What readiness asks: does the database answer, which functions are out of service, is a stop under way."""

from collections.abc import Callable

from runtime.http.health import Check, Probe
from runtime.routing import RouteTable
from shared.database import Database
from shared.errors import DatabaseUnavailable

PATIENCE = 0.8  # seconds for the database's answer; a health check as a whole has 1


def database_probe(database: Database, *, is_configured: bool) -> Probe:
    """Down while a configured database does not answer."""

    async def probe() -> Check:
        if not is_configured:
            return Check("ok", "not configured")
        try:
            await database.ping(PATIENCE)
        except DatabaseUnavailable:
            return Check("down", "the database does not answer")
        return Check("ok")

    return probe


def functions_probe(table: Callable[[], RouteTable], *, tell_cause: bool) -> Probe:
    """Degraded while a file is in quarantine; where to look is told to everybody, the cause in development.

    What a failing import says is not ours to publish: it may quote anything. The log has it under the id.
    """

    async def probe() -> Check:
        now = table()
        serving = {"serving": len(now.operations)}
        if not now.faults:
            return Check("ok", serving)
        told = [
            {"file": fault.file, "line": fault.line, "error_id": fault.error_id}
            | ({"cause": f"{fault.found} {fault.cure}"} if tell_cause else {})
            for fault in now.faults
        ]
        return Check("degraded", {**serving, "quarantined": told})

    return probe


def service_probe(is_draining: Callable[[], bool]) -> Probe:
    """Down once a stop was asked for."""

    async def probe() -> Check:
        return Check("down", "draining") if is_draining() else Check("ok")

    return probe

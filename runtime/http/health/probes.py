"""What health checks look at: the database, the functions in quarantine, whether the service is stopping."""

from collections.abc import Callable, Iterable, Mapping

from runtime.http.health.health import Check, HealthProbe
from runtime.routing import Fault, RouteTable
from shared.database import Database, OutOfDescriptors, PoolInUse
from shared.errors import DatabaseUnavailable

DATABASE_TIMEOUT = 0.8  # seconds; a health check as a whole has 1


def database_probe(database: Database, *, is_configured: bool) -> HealthProbe:
    """Down while a configured database does not answer; degraded while functions keep every connection."""

    async def probe() -> Check:
        if not is_configured:
            return Check("ok", "not configured")
        try:
            await database.ping(DATABASE_TIMEOUT)
        except PoolInUse as error:
            return Check("degraded", error.reason)
        except OutOfDescriptors as error:
            return Check("down", error.reason)
        except DatabaseUnavailable:
            return Check("down", "the database does not respond")
        return Check("ok")

    return probe


def functions_probe(
    table: Callable[[], RouteTable], closed: Callable[[], Iterable[Fault]], *, show_cause: bool
) -> HealthProbe:
    """Down without any function, degraded by a file in quarantine; its cause is shown in development only.

    The text of a failed import may contain anything; in production the log has it, under the error id.
    """

    async def probe() -> Check:
        now = table()
        shut = {fault.file: fault for fault in closed()}
        serving = {"serving": sum(each.endpoint.file not in shut for each in now.operations)}
        faults = (*now.faults, *shut.values())
        if not faults and not now.operations and not now.others:
            return Check("down", "there is no function; ANNEX_FUNCTIONS names their folder")
        if not faults:
            return Check("ok", serving)
        quarantined = [
            {"file": fault.file, "line": fault.line, "error_id": fault.error_id}
            | ({"cause": f"{fault.found} {fault.cure}"} if show_cause else {})
            for fault in faults
        ]
        return Check("degraded", {**serving, "quarantined": quarantined})

    return probe


def service_probe(
    is_draining: Callable[[], bool], service: Callable[[], Mapping[str, object]]
) -> HealthProbe:
    """Down once the service is stopping; tells of its workers, and of the latest deaths among them."""

    async def probe() -> Check:
        return Check("down", "draining") if is_draining() else Check("ok", service() or None)

    return probe

"""Jobs where there is no queue: their files are put in quarantine, and each fault names the variable."""

from msgspec.structs import replace

from runtime.routing import Fault, RouteTable, handlers
from runtime.routing.runs import FILE
from runtime.routing.table import Route


def without_queue(table: RouteTable) -> RouteTable:
    """Return a table in which no file with a job serves."""
    faults = {
        route.endpoint.file: Fault(
            file=route.endpoint.file,
            line=0,
            found="This file has a job, but REDIS_URL is not set, so nothing could be queued.",
            cure="Set REDIS_URL to a Valkey or Redis server, or remove the job.",
        )
        for route in table.jobs
        if route.operation is not None
    }

    def judged(route: Route) -> Route:
        fault = faults.get(route.endpoint.file)
        if fault is None:
            return route
        endpoint = replace(route.endpoint, error_id=fault.error_id)
        return replace(route, endpoint=endpoint, operation=None, handler=handlers.refuse(endpoint))

    routes = [judged(route) for route in table.routes if route.endpoint.file != FILE]
    jobs = [judged(route) for route in table.jobs]
    return RouteTable(table.root, routes, (*table.faults, *faults.values()), table.files, table.others, jobs)

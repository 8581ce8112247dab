"""Jobs where there is no queue: their files are put in quarantine, and each fault names the variable."""

from runtime.routing import Fault, RouteTable
from runtime.routing.runs import FILE


def without_queue(table: RouteTable) -> RouteTable:
    """Return a table in which no file with a job serves."""
    faults = [
        Fault(
            file=route.endpoint.file,
            line=0,
            found="This file has a job, but REDIS_URL is not set, so nothing could be queued.",
            cure="Set REDIS_URL to a Valkey or Redis server, or remove the job.",
        )
        for route in table.jobs
        if route.operation is not None
    ]
    closed = table.without(faults)
    routes = [route for route in closed.routes if route.endpoint.file != FILE]
    return RouteTable(closed.root, routes, closed.faults, closed.files, closed.others, closed.jobs)

"""`/runs/{id}`: the one door through which a caller sees the work that they queued; there where a job is."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from runtime.config import Endpoint, Policy
from runtime.routing import handlers
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Input, Operation
from runtime.routing.reading.names import Segment
from runtime.routing.reading.tree import shape_of, template_of
from runtime.routing.table import Route
from shared.work import Jobs, RunState

FILE = "(runs)"
SEGMENTS = (Segment("static", "runs"), Segment("dynamic", "id"))
_POLICY = Policy(
    token_types=("session", "m2m_token", "oauth_token", "api_key"),  # the job's own policy decides
    origins={"token_types": FILE},
)


async def get(id: str, jobs: Jobs) -> RunState:
    """Return how far a run is, and what came of it."""
    return await jobs.find(id)


async def delete(id: str, jobs: Jobs) -> None:
    """End a run: one that waits at once, one that is under way within seconds."""
    await jobs.cancel(id)


def routes_beside(routes: Iterable[Route]) -> list[Route]:
    """Return the routes of runs; none where a function file has their URL."""
    if any(shape_of(route.segments) == shape_of(SEGMENTS) for route in routes):
        return []
    return [_route("GET", get, RunState), _route("DELETE", delete, None)]


def _route(method: str, function: Callable[..., Any], returns: Any) -> Route:
    endpoint = Endpoint(method=method, template=template_of(SEGMENTS), file=FILE, policy=_POLICY)
    inputs = (
        Input(name="id", kind=InputKind.PATH, annotation=str, default=msgspec.NODEFAULT),
        Input(name="jobs", kind=InputKind.JOBS, annotation=Jobs, default=msgspec.NODEFAULT),
    )
    operation = Operation(
        endpoint=endpoint, function=function, inputs=inputs, returns=returns, event=None, doc=function.__doc__
    )
    return Route(endpoint=endpoint, segments=SEGMENTS, operation=operation, handler=handlers.serve(operation))

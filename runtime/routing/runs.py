"""`/runs/{id}`: the one door through which a caller sees the work that they queued; there where a job is."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from runtime.config import Endpoint, Policy
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Input, Operation
from runtime.routing.reading.names import Segment
from runtime.routing.reading.tree import shape_of, template_of
from runtime.routing.table import Route
from shared.events import Event
from shared.work import Jobs, RunState

FILE = "(runs)"
SEGMENTS = (Segment("static", "runs"), Segment("dynamic", "id"))
EVENTS = (*SEGMENTS, Segment("static", "events"))
_POLICY = Policy(
    token_types=("session", "m2m_token", "oauth_token", "api_key"),  # the job's own policy decides
    origins={"token_types": FILE},
)
_DAY = 86400.0  # seconds for which one connection may follow a run


class RunChanged(Event, tag="run", frozen=True, kw_only=True):
    """A run as it is now; one that is taken up again begins with what it is by then."""

    run: RunState


async def get(id: str, jobs: Jobs) -> RunState:
    """Return how far a run is, and what came of it."""
    return await jobs.find(id)


async def delete(id: str, jobs: Jobs) -> None:
    """End a run: one that waits at once, one that is under way within seconds."""
    await jobs.cancel(id)


async def events(id: str, jobs: Jobs) -> AsyncIterator[RunChanged]:
    """Send the run whenever it changes, until it has ended."""
    await jobs.find(id)  # a run that is not the caller's is refused before anything is sent
    return (RunChanged(run=run) async for run in jobs.follow(id))


def routes_beside(routes: Iterable[Route]) -> list[Route]:
    """Return the routes of runs; none where a function file has their URL."""
    taken = {shape_of(route.segments) for route in routes}
    if shape_of(SEGMENTS) in taken:
        return []
    doors = [_route("GET", SEGMENTS, get, RunState), _route("DELETE", SEGMENTS, delete, None)]
    if shape_of(EVENTS) not in taken:
        doors.append(_route("GET", EVENTS, events, AsyncIterator[RunChanged], event=RunChanged))
    return doors


def _route(
    method: str, segments: tuple[Segment, ...], function: Callable[..., Any], returns: Any, event: Any = None
) -> Route:
    policy = _POLICY if event is None else replace(_POLICY, timeout=_DAY)
    is_stream = event is not None
    endpoint = Endpoint(
        method=method, template=template_of(segments), file=FILE, policy=policy, stream=is_stream
    )
    inputs = (
        Input(name="id", kind=InputKind.PATH, annotation=str, default=msgspec.NODEFAULT),
        Input(name="jobs", kind=InputKind.JOBS, annotation=Jobs, default=msgspec.NODEFAULT),
    )
    operation = Operation(
        endpoint=endpoint,
        function=function,
        inputs=inputs,
        returns=returns,
        event=event,
        doc=function.__doc__,
    )
    return Route(endpoint=endpoint, segments=segments, operation=operation)

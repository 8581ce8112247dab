"""The jobs of a route table: found by path, with what they take."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

import msgspec

from runtime.asgi.messages import ASGIApp
from runtime.config import Endpoint
from runtime.routing import RouteTable
from runtime.routing.input_kind import InputKind
from runtime.routing.matching.tree import FunctionTree, Method
from runtime.routing.operation import Input
from runtime.routing.table import Route
from shared.errors import TooLarge
from shared.work.jobs import UnknownJob, WrongPayload


class Found(NamedTuple):
    """A job, the values in the path by which it was asked for, and what makes its app."""

    route: Route
    values: dict[str, str]
    made: Callable[[], ASGIApp]


def call_name(endpoint: Endpoint) -> str:
    """Return the name under which calls of a route wait to be made again; no path, as that of a job."""
    return f"{endpoint.method} {endpoint.template}"


class Catalogue:
    """The jobs of one table.

    Attributes:
        table: where they are.
        by_template: their routes.
        calls: routes whose calls a worker may have to make again, by `call_name`.
    """

    def __init__(self, table: RouteTable) -> None:
        self.table = table
        self.by_template = {route.endpoint.template: route for route in table.jobs}
        self.calls = {
            call_name(each.endpoint): Found(each, {}, cache(each.made))
            for each in table.routes
            if each.operation is not None and each.operation.is_repeatable
        }
        self._tree = FunctionTree(
            Method(each.segments, each.endpoint.method, each.endpoint.template, each.made)
            for each in table.jobs
        )

    @property
    def has_work(self) -> bool:
        """Whether there is anything that a worker does."""
        return bool(self.by_template or self.calls)

    def queued(self, job: str, path: str) -> Found:
        """Return what a queued run is a run of: a job, or a call that is made again.

        Raises:
            UnknownJob: there is none.
        """
        return self.calls.get(job) or self.find(path)

    def find(self, path: str) -> Found:
        """Return the job at a path.

        Raises:
            UnknownJob: there is none.
        """
        found = self._tree.find([part for part in path.split("/") if part]) if path.startswith("/") else None
        if found is None:
            meant = get_close_matches(path, self.by_template, n=1)
            hint = (
                f" Did you mean {meant[0]!r}?"
                if meant
                else " Its path is that of its file, such as '/reports/morning'."
            )
            raise UnknownJob(f"No file has a job at {path!r}.{hint}")
        method, names = next(iter(found[0].methods.values()))
        values = dict(zip(names, found[1], strict=True))
        return Found(self.by_template[method.template], values, method.app)


def payload(route: Route, data: Any) -> bytes:
    """Return `data` as JSON, empty where the job takes none.

    Raises:
        WrongPayload: it is not what the job takes.
        TooLarge: it has more bytes than the job's `max_body`.
    """
    taken = _taken(route)
    where = f"The job at {route.endpoint.template!r}"
    if taken is None or (data is None and taken.default is not msgspec.NODEFAULT):
        if data is not None:
            raise WrongPayload(f"{where} takes no data, but was given {_kind(data)}.")
        return b""
    wanted = _spelt(taken.annotation)
    if not _fits(data, taken.annotation):
        raise WrongPayload(f"{where} takes {wanted}, but was given {_kind(data)}.")
    try:
        text = msgspec.json.encode(data)
        msgspec.json.decode(text, type=taken.annotation)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise WrongPayload(f"{where} takes {wanted}: {error}.") from None
    if len(text) > route.endpoint.policy.max_body:
        raise TooLarge(f"{where} takes {route.endpoint.policy.max_body} bytes of data at most.")
    return text


def by_hand(route: Route, text: str | None) -> Any:
    """Return what a JSON text gives a job; None without a text.

    Raises:
        WrongPayload: it is not what the job takes.
    """
    taken = _taken(route)
    if text is None or taken is None:
        return text
    try:
        return msgspec.json.decode(text, type=taken.annotation)
    except msgspec.MsgspecError as error:
        wanted = _spelt(taken.annotation)
        raise WrongPayload(f"The job at {route.endpoint.template!r} takes {wanted}: {error}.") from None


def _taken(route: Route) -> Input | None:
    inputs = route.operation.inputs if route.operation else ()
    return next((each for each in inputs if each.kind is InputKind.BODY), None)


def _fits(data: Any, annotation: Any) -> bool:
    """Whether data is of a class that is asked for; of a union, a list or an alias its JSON tells."""
    if not isinstance(annotation, type) or annotation is Any:
        return True
    return isinstance(data, (int, float) if annotation is float else annotation)


def _spelt(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _kind(data: Any) -> str:
    return type(data).__name__

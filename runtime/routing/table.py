"""The result of discovery: every route, serving or not, and everything that is wrong."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from runtime.asgi.messages import ASGIApp
from runtime.asgi.stages import Stage
from runtime.config import Endpoint
from runtime.routing import handlers
from runtime.routing.files import CompiledFile
from runtime.routing.input_kind import InputKind
from runtime.routing.matching.tree import FunctionTree, Method, is_refused
from runtime.routing.operation import Operation
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import Segment


class Route(Struct, frozen=True, kw_only=True):
    """One method of one URL.

    Attributes:
        endpoint: what is known about it.
        segments: its URL.
        operation: None in quarantine.
        seconds: how long its file took to import, None where it was not imported.
        note: a header of every response (development only).
    """

    endpoint: Endpoint
    segments: tuple[Segment, ...]
    operation: Operation | None
    seconds: float | None = None
    note: str | None = None

    def made(self, steps: Callable[[Endpoint], Stage] = lambda _: lambda app: app) -> ASGIApp:
        """Return what answers, behind its steps."""
        if self.operation is None:
            return steps(self.endpoint)(handlers.refuse(self.endpoint, note=self.note))
        return steps(self.endpoint)(handlers.serve(self.operation, note=self.note))


class RouteTable:
    """All routes of a functions folder, sorted by URL and method.

    Attributes:
        root: the folder.
        routes: serving and quarantined.
        faults: sorted by file and line.
        files: each file that was imported, as it was judged, so that the next discovery does neither again.
        others: routes of the team's own Litestar handlers and plugins.
        jobs: the jobs, which no request reaches; those in quarantine too.
    """

    def __init__(
        self,
        root: Path,
        routes: Iterable[Route],
        faults: Iterable[Fault],
        files: Mapping[str, CompiledFile] | None = None,
        others: Iterable[Endpoint] = (),
        jobs: Iterable[Route] = (),
    ) -> None:
        self.root = root
        self.others = tuple(sorted(others, key=lambda each: (each.template, each.method)))
        self.files = dict(files or {})
        self.jobs = tuple(sorted(jobs, key=lambda route: route.endpoint.template))
        self.routes = tuple(
            sorted(routes, key=lambda route: (route.endpoint.template, route.endpoint.method))
        )
        self.faults = tuple(sorted(set(faults)))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those that serve."""
        return tuple(route.operation for route in self.routes if route.operation)

    @property
    def described(self) -> tuple[Operation, ...]:
        """Those that the contract describes: what serves, and the jobs."""
        return (*self.operations, *(route.operation for route in self.jobs if route.operation))

    @property
    def request_headers(self) -> tuple[str, ...]:
        """Those that functions take, as pages must be allowed to send them."""
        inputs = (each for operation in self.operations for each in operation.inputs)
        return tuple(sorted({each.field for each in inputs if each.kind is InputKind.HEADER}))

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All, those in quarantine too."""
        return tuple(route.endpoint for route in self.routes)

    def tree(self, steps: Callable[[Endpoint], Stage] = lambda _: lambda app: app) -> FunctionTree:
        """Return what finds the function of a URL; `steps` returns what stands in front of an endpoint's.

        Both are made when the first request asks for them: a start would take a tenth longer.
        """
        return FunctionTree(
            Method(each.segments, each.endpoint.method, each.endpoint.template, partial(each.made, steps))
            for each in self.routes
        )

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route that answers a URL, with the values in it; or the one whose template `path` is."""
        for route in self.routes:
            if (route.endpoint.template, route.endpoint.method) == (path, method):
                return route, {}
        found = None if is_refused(path) else self.tree().find([part for part in path.split("/") if part])
        if found is None or method not in found[0].methods:
            return None
        answer, names = found[0].methods[method]
        wanted = (answer.template, answer.method)
        route = next(each for each in self.routes if (each.endpoint.template, each.endpoint.method) == wanted)
        return route, dict(zip(names, found[1], strict=True))

    def beside(self, others: Iterable[Endpoint], faults: Iterable[Fault]) -> "RouteTable":
        """Return this table with the team's own Litestar routes, and what is wrong with them."""
        return RouteTable(self.root, self.routes, (*self.faults, *faults), self.files, others, self.jobs)

    def without(self, faults: Iterable[Fault]) -> "RouteTable":
        """Return a table in which the files of `faults` are in quarantine."""
        found = {fault.file: fault for fault in faults}
        routes, jobs = (
            [_quarantined(route, found.get(route.endpoint.file)) for route in some]
            for some in (self.routes, self.jobs)
        )
        return RouteTable(self.root, routes, (*self.faults, *found.values()), self.files, self.others, jobs)


def _quarantined(route: Route, fault: Fault | None) -> Route:
    if fault is None or route.operation is None:
        return route
    endpoint = replace(route.endpoint, error_id=fault.error_id)
    return replace(route, endpoint=endpoint, operation=None)

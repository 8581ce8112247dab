"""The result of discovery: every route, serving or not, and everything that is wrong."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct
from msgspec.structs import replace

from runtime.config import Endpoint
from runtime.routing import handlers
from runtime.routing.importing.loading import Loaded
from runtime.routing.input_kind import InputKind
from runtime.routing.matching.reference_router import Match, ReferenceRouter, prove
from runtime.routing.operation import Operation
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import Segment


class Route(Struct, frozen=True, kw_only=True):
    """One method of one URL.

    Attributes:
        endpoint: what is known about it.
        segments: its URL.
        operation: None in quarantine.
        handler: what Litestar registers.
        seconds: how long its file took to import, None where it was not imported.
    """

    endpoint: Endpoint
    segments: tuple[Segment, ...]
    operation: Operation | None
    handler: HTTPRouteHandler
    seconds: float | None = None


class Imported(Struct, frozen=True):
    """A function file's text and what it became."""

    text: bytes
    loaded: Loaded


class RouteTable:
    """All routes of a functions folder, sorted by URL and method.

    Attributes:
        root: the folder.
        routes: serving and quarantined.
        faults: sorted by file and line.
        files: each file that was imported, so that the next discovery need not run it again.
    """

    def __init__(
        self,
        root: Path,
        routes: Iterable[Route],
        faults: Iterable[Fault],
        files: Mapping[str, Imported] | None = None,
    ) -> None:
        self.root = root
        self.files = dict(files or {})
        self.routes = tuple(
            sorted(routes, key=lambda route: (route.endpoint.template, route.endpoint.method))
        )
        self.faults = tuple(sorted(set(faults)))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those that serve."""
        return tuple(route.operation for route in self.routes if route.operation)

    @property
    def request_headers(self) -> tuple[str, ...]:
        """Those that functions take, as pages must be allowed to send them."""
        inputs = (each for operation in self.operations for each in operation.inputs)
        return tuple(sorted({each.field for each in inputs if each.kind is InputKind.HEADER}))

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All, those in quarantine too."""
        return tuple(route.endpoint for route in self.routes)

    @property
    def handlers(self) -> list[HTTPRouteHandler]:
        """For `TreeApp(route_handlers=...)`."""
        return [route.handler for route in self.routes]

    def find(self, method: str, path: str) -> tuple[Route, Match] | None:
        """Return the route that answers a URL, or the one whose template `path` is."""
        exact = [route for route in self.routes if route.endpoint.template == path]
        match = Match(exact[0].segments, {}) if exact else None
        match = match or ReferenceRouter(route.segments for route in self.routes).match(path)
        for route in self.routes:
            if match and route.segments == match.segments and route.endpoint.method == method:
                return route, match
        return None

    def prove(self, app: Litestar) -> list[Fault]:
        """Return a fault for each file that the app's router does not reach as the rules say."""
        return prove(app, ((route.endpoint, route.segments) for route in self.routes))

    def without(self, faults: Iterable[Fault]) -> "RouteTable":
        """Return a table in which the files of `faults` are in quarantine."""
        found = {fault.file: fault for fault in faults}
        routes = [_quarantined(route, found.get(route.endpoint.file)) for route in self.routes]
        return RouteTable(self.root, routes, (*self.faults, *found.values()), self.files)


def _quarantined(route: Route, fault: Fault | None) -> Route:
    if fault is None or route.operation is None:
        return route
    endpoint = replace(route.endpoint, error_id=fault.error_id)
    handler = handlers.refuse(endpoint, route.segments)
    return replace(route, endpoint=endpoint, operation=None, handler=handler)

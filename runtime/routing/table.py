"""The result of discovery: every route, serving or not, and everything that is wrong."""

from collections import Counter
from pathlib import Path

from litestar.handlers import HTTPRouteHandler

from runtime.config import Endpoint
from runtime.routing.faults import Fault
from runtime.routing.operation import Operation


class Route:
    """One method of one URL.

    Attributes:
        endpoint: what is known about it.
        operation: None in quarantine.
        handler: what Litestar registers.
        seconds: how long its file took to import, None where it was not imported.
    """

    __slots__ = ("endpoint", "handler", "operation", "seconds")

    def __init__(
        self,
        endpoint: Endpoint,
        operation: Operation | None,
        handler: HTTPRouteHandler,
        seconds: float | None,
    ) -> None:
        self.endpoint = endpoint
        self.operation = operation
        self.handler = handler
        self.seconds = seconds


class RouteTable:
    """All routes of a functions folder, sorted by URL and method.

    Attributes:
        root: the folder.
        routes: serving and quarantined.
        faults: sorted by file and line.
    """

    def __init__(self, root: Path, routes: tuple[Route, ...], faults: tuple[Fault, ...]) -> None:
        self.root = root
        self.routes = tuple(
            sorted(routes, key=lambda route: (route.endpoint.template, route.endpoint.method))
        )
        self.faults = tuple(sorted(faults))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those that serve."""
        return tuple(route.operation for route in self.routes if route.operation)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All, those in quarantine too."""
        return tuple(route.endpoint for route in self.routes)

    @property
    def handlers(self) -> list[HTTPRouteHandler]:
        """For `TreeApp(route_handlers=...)`."""
        return [route.handler for route in self.routes]

    def counts(self) -> Counter[str]:
        """How many routes serve, and how many are in quarantine."""
        return Counter("serving" if route.operation else "quarantined" for route in self.routes)

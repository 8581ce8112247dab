"""The routes of a team's own Litestar handlers in the table, and what stands in their way."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from runtime.asgi import urls
from runtime.config import Endpoint
from runtime.refusal import Refusal
from runtime.routing.extensions.access import Access, unserved
from runtime.routing.extensions.loading import Extensions
from runtime.routing.lock import opened
from runtime.routing.matching.tree_app import TreeApp
from runtime.routing.reading.faults import Fault
from runtime.routing.table import RouteTable
from runtime.settings.project import FILE, read_project


def extended(
    table: RouteTable,
    *,
    budget: float,
    refused: Iterable[Refusal] = (),
    report: Callable[[str], None] = lambda _: None,
) -> RouteTable:
    """Return the table with what the project of its folder names in pyproject.toml, for a look at it only."""
    folder = table.root.resolve().parent
    extensions = Extensions(read_project(folder), folder, budget=budget, refused=refused, report=report)
    access = Access(lambda _: lambda app: app)
    access.opened = opened(table.root)

    def made(handlers: list[Any], plugins: list[Any]) -> TreeApp:
        app = TreeApp(table.tree(), route_handlers=handlers, plugins=[*plugins, access])
        access.check(app)
        return app

    return listed(table, extensions.app(made), access, extensions)


def listed(table: RouteTable, app: TreeApp, access: Access, extensions: Extensions) -> RouteTable:
    """Return the table with Litestar's routes in it, and a fault for each that nobody can reach."""
    endpoints, faults = [], [*extensions.faults]
    for endpoint in access.endpoints(app):
        hidden = list(_hidden(endpoint, table, app))
        faults += hidden
        if not hidden:
            endpoints.append(endpoint)
    for path in unserved(app):
        found = f"The Litestar handler of {path} is a WebSocket, which the service does not serve."
        faults.append(Fault(file=FILE, line=0, found=found, cure="Use an event stream, or remove it."))
    return table.beside(endpoints, faults)


def _hidden(endpoint: Endpoint, table: RouteTable, app: TreeApp) -> Iterator[Fault]:
    path = endpoint.template
    what = f"{endpoint.method} {path} of a Litestar handler"
    if path in urls.RESERVED:
        found = f"{what} is never reached: {path} is reserved for the runtime."
        yield Fault(file=FILE, line=0, found=found, cure="Give the handler another path.")
    elif found_there := app.tree.find([part for part in path.split("/") if part]):
        template = next(iter(found_there[0].methods.values()))[0].template
        file = next(each.file for each in table.endpoints if each.template == template)
        found = f"{what} is never reached: {file} has {template}, and functions come first."
        yield Fault(file=FILE, line=0, found=found, cure="Give one of them another path.")

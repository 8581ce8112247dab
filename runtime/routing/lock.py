"""`public.lock`: the public routes, committed, so that making one public always shows in a diff."""

from pathlib import Path

from msgspec.structs import replace

from runtime.config import Endpoint
from runtime.routing.reading.faults import Fault
from runtime.routing.table import Route, RouteTable

NAME = "public.lock"
LITESTAR = "litestar"  # stands in a line where a function's file would, and opens a route of Litestar's
_HEADING = (
    "# Routes that answer without a session. `annex check` fails while this list and the files differ.\n"
)


def open_routes(table: RouteTable) -> list[str]:
    """Return ``METHOD /url  file`` for every public route, sorted."""
    return sorted(
        f"{endpoint.method} {endpoint.template}  {endpoint.file}"
        for endpoint in (*table.endpoints, *table.others)
        if _is_open(endpoint)
    )


def opened(folder: Path) -> frozenset[tuple[str, str]]:
    """Return method and template of each Litestar route that a line opens; nothing else can open one."""
    named = [line.split() for line in lines(folder)]
    return frozenset((line[0], line[1]) for line in named if len(line) == 3 and line[2] == LITESTAR)


def lines(folder: Path) -> list[str]:
    """Return what the lock lists; nothing where there is none."""
    path = folder / NAME
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def closed(folder: Path, table: RouteTable) -> RouteTable:
    """Return a table in which an open route that the lock does not list asks for a session, and is named."""
    listed = {tuple(line.split(maxsplit=2)) for line in lines(folder)}
    kept, faults = [], []
    for route in table.routes:
        endpoint = route.endpoint
        name = (endpoint.method, endpoint.template)
        if _is_open(endpoint) and not listed & {name, (*name, endpoint.file)}:
            kept.append(_closed(route))
            faults.append(_unlisted(endpoint))
        else:
            kept.append(route)
    return RouteTable(table.root, kept, (*table.faults, *faults), table.files, table.others, table.jobs)


def announced(folder: Path, table: RouteTable) -> RouteTable:
    """Return the same routes, with a fault for each that `closed` would close in production."""
    found = [each for each in closed(folder, table).faults if each.is_closed]
    told = [
        replace(each, found=each.found.replace("so it asks", "so in production it asks")) for each in found
    ]
    return RouteTable(table.root, table.routes, (*table.faults, *told), table.files, jobs=table.jobs)


def drift(folder: Path, table: RouteTable) -> list[str]:
    """Return a sentence for each difference between the lock and the files; none where they agree."""
    listed, found = lines(folder), open_routes(table)
    sentences = [
        f"{line!r} is public but not listed in {NAME}. Add the line, or make the route private."
        for line in _less(found, listed)
    ]
    sentences += [f"{line!r} is in {NAME} but not public. Remove the line." for line in _less(listed, found)]
    if not sentences and listed != found:
        sentences.append(f"{NAME} is not sorted, or lists a route twice. Sort it.")
    return sentences


def write(folder: Path, table: RouteTable) -> Path:
    """Make the lock agree with the files and return its path."""
    path = folder / NAME
    path.write_text(_HEADING + "".join(f"{line}\n" for line in open_routes(table)), "utf-8")
    return path


def _is_open(endpoint: Endpoint) -> bool:
    return endpoint.policy.public or endpoint.policy.webhook is not None


def _closed(route: Route) -> Route:
    endpoint = replace(route.endpoint, policy=replace(route.endpoint.policy, public=False, webhook=None))
    operation = route.operation and replace(route.operation, endpoint=endpoint)
    return replace(route, endpoint=endpoint, operation=operation)


def _unlisted(endpoint: Endpoint) -> Fault:
    found = (
        f"{endpoint.method} {endpoint.template} is public but not listed in {NAME}, so it asks for a session."
    )
    cure = f"Run `annex check --accept` and commit {NAME}, or make the route private."
    return Fault(file=endpoint.file, line=0, found=found, cure=cure, is_closed=True)


def _less(lines: list[str], others: list[str]) -> list[str]:
    return [line for line in lines if line not in others]

"""`public.lock`: the public routes, committed, so that making one public always shows in a diff."""

from pathlib import Path

from runtime.routing.table import RouteTable

NAME = "public.lock"
_HEADING = (
    "# Routes that answer without a session. `annex check` fails while this list and the files differ.\n"
)


def open_routes(table: RouteTable) -> list[str]:
    """Return ``METHOD /url  file`` for every public route, sorted."""
    return sorted(
        f"{endpoint.method} {endpoint.template}  {endpoint.file}"
        for endpoint in table.endpoints
        if endpoint.policy.public or endpoint.policy.webhook
    )


def drift(folder: Path, table: RouteTable) -> list[str]:
    """Return a sentence for each difference between the lock and the files; none where they agree."""
    path = folder / NAME
    lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    listed = [line for line in lines if line.strip() and not line.startswith("#")]
    found = open_routes(table)
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


def _less(lines: list[str], others: list[str]) -> list[str]:
    return [line for line in lines if line not in others]

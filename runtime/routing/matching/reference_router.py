"""The rules of matching in their plainest form, and the proof that the router keeps them.

`ReferenceRouter` knows nothing of Litestar: it tries every route that could fit and takes the most exact. The
router is asked about URLs made from the tree, and every difference names the file that it misserves.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from litestar import Litestar
from litestar.exceptions import MethodNotAllowedException, NotFoundException

from runtime.config import Endpoint
from runtime.routing.matching.router import is_refused
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import Segment
from runtime.routing.reading.tree import template_of

RANKS = {"static": 0, "dynamic": 1, "rest": 2}
SIBLINGS = 4  # static names that are tried in the place of one parameter


class Match(NamedTuple):
    """A route and the values of its parameters."""

    segments: tuple[Segment, ...]
    values: dict[str, str]


class ReferenceRouter:
    """Matches URLs by the rules: per segment static, then dynamic, then catch-all.

    Args:
        routes: each as its segments.
    """

    def __init__(self, routes: Iterable[tuple[Segment, ...]]) -> None:
        # By the static beginning, so that a large tree is not gone through whole for each URL.
        self._by_start: dict[tuple[str, ...], list[tuple[Segment, ...]]] = defaultdict(list)
        for route in dict.fromkeys(routes):
            start = takewhile(lambda segment: segment.kind == "static", route)
            self._by_start[tuple(segment.text for segment in start)].append(route)

    def match(self, path: str) -> Match | None:
        """Match a decoded path whose segments hold no slash of their own."""
        return None if is_refused(path) else self.match_segments([part for part in path.split("/") if part])

    def match_segments(self, parts: list[str]) -> Match | None:
        """Match decoded segments."""
        starts = (tuple(parts[:depth]) for depth in range(len(parts) + 1))
        fitting = [
            Match(route, values)
            for start in starts
            for route in self._by_start.get(start, ())
            if (values := _fit(route, parts)) is not None
        ]
        return min(fitting, key=lambda match: [RANKS[each.kind] for each in match.segments], default=None)


def _fit(route: tuple[Segment, ...], parts: list[str]) -> dict[str, str] | None:
    """Return the parameters' values, None where the route does not fit."""
    values: dict[str, str] = {}
    for depth, segment in enumerate(route):
        if depth >= len(parts):
            return None
        if segment.kind == "rest":
            value = "/".join(parts[depth:])
            return None if value.startswith("/") else {**values, segment.text: value}
        if segment.kind == "dynamic":
            values[segment.text] = parts[depth]
        elif segment.text != parts[depth]:
            return None
    return values if len(route) == len(parts) else None


def prove(app: Litestar, endpoints: Iterable[tuple[Endpoint, tuple[Segment, ...]]]) -> list[Fault]:
    """Ask the app's own router for URLs made from the tree; return a fault for each file it misserves.

    Args:
        app: built from the handlers of these endpoints, and possibly of others.
        endpoints: each with its segments.
    """
    known = list(endpoints)
    reference = ReferenceRouter(segments for _, segments in known)
    owners: dict[tuple[Segment, ...], dict[str, Endpoint]] = defaultdict(dict)
    for endpoint, segments in known:
        owners[segments][endpoint.method] = endpoint
    faults: dict[str, Fault] = {}
    for url in urls_of([segments for _, segments in known]):
        match = reference.match(url)
        if match is None:
            continue
        for method, endpoint in owners[match.segments].items():
            if endpoint.error_id:
                continue
            answer = _ask(app, method, url)
            if answer != (endpoint.file, match.values):
                faults.setdefault(endpoint.file, _misserved(endpoint, url, answer))
    return sorted(faults.values())


def _ask(app: Litestar, method: str, url: str) -> tuple[str | None, dict[str, Any]]:
    """Return the file that the router would call, and the path values it would hand over."""
    try:
        _, handler, _, values, _ = app.asgi_router.handle_routing(path=url, method=method)
    except (NotFoundException, MethodNotAllowedException):
        return None, {}
    endpoint = handler.opt.get("endpoint")
    return (endpoint.file if endpoint else None), {name: str(value) for name, value in values.items()}


def _misserved(endpoint: Endpoint, url: str, answer: tuple[str | None, dict[str, Any]]) -> Fault:
    file, values = answer
    if file is None:
        got, cure = "is not found", "Add an index.py to the folder above it, or rename the file."
    elif file != endpoint.file:
        got, cure = f"reaches {file}", f"Rename this file or {file}."
    else:
        got, cure = f"passes {values}", "Rename the parameter or the files beside it."
    found = f"{endpoint.method} {url} should reach {endpoint.template}, and {got}."
    return Fault(file=endpoint.file, line=0, found=found, cure=cure)


def urls_of(routes: Iterable[tuple[Segment, ...]]) -> Iterator[str]:
    """Make URLs that could be misrouted: parameters as unknown values and as their static siblings."""
    unique = list(dict.fromkeys(routes))
    siblings: dict[str, list[str]] = defaultdict(list)
    for route in unique:
        for depth, segment in enumerate(route):
            names = siblings[template_of(route[:depth])]
            if segment.kind == "static" and len(names) < SIBLINGS and segment.text not in names:
                names.append(segment.text)
    seen: set[str] = set()
    for route in unique:
        for url in _fill(route, siblings):
            if url not in seen:
                seen.add(url)
                yield url


def _fill(route: tuple[Segment, ...], siblings: dict[str, list[str]]) -> Iterator[str]:
    plain = [_samples(segment)[0] for segment in route]
    yield "/" + "/".join(plain)
    for depth, segment in enumerate(route):
        if segment.kind == "static":
            continue
        names = siblings.get(template_of(route[:depth]), [])
        tails = [f"{name}/x" for name in names] if segment.kind == "rest" else []
        for value in (*_samples(segment)[1:], *names, *tails):
            yield "/" + "/".join((*plain[:depth], value, *plain[depth + 1 :]))


def _samples(segment: Segment) -> tuple[str, ...]:
    if segment.kind == "static":
        return (segment.text,)
    return ("x-1", "x-1/x-2") if segment.kind == "rest" else ("x-1",)

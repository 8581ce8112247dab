"""The route table for people and for machines, and one route explained."""

import textwrap
from collections.abc import Callable
from itertools import groupby
from typing import Any

import msgspec

from runtime.config import Endpoint, Policy
from runtime.routing.lock import LITESTAR
from runtime.routing.reading.faults import Fault
from runtime.routing.table import Route, RouteTable

WIDTH = 80
PER_WORKER = frozenset({"concurrency", "queue", "rate_limit"})
SLOW = 0.5  # seconds of import beyond which a file is worth a look

type Paint = Callable[[str, str], str]

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def as_text(table: RouteTable, *, colour: bool = False) -> str:
    """Return the table, file by file in the order of URLs, within 80 columns where names allow it."""
    paint = _paint if colour else _plain
    by_file = groupby(_by_file(table), key=lambda route: route.endpoint.file)
    lines = [_heading(table, paint), ""]
    shown: set[str] = set()
    for file, routes in by_file:
        of_file = list(routes)
        shown.add(file)
        lines += [_file_line(of_file, paint), *(_route_line(route, paint) for route in of_file)]
        lines += _fault_lines([fault for fault in table.faults if fault.file == file], paint)
    if table.others:
        lines.append(paint(LITESTAR, "bold"))
        lines += [_endpoint_line(endpoint, "", paint) for endpoint in table.others]
    for fault in table.faults:
        if fault.file not in shown:
            lines += [paint(fault.file or str(table.root), "bold"), *_fault_lines([fault], paint)]
    return "\n".join(lines)


def as_json(table: RouteTable) -> str:
    """Return the table for machines; keys stay as they are within a major version."""
    faults = [
        {
            "file": each.file,
            "line": each.line,
            "found": each.found,
            "cure": each.cure,
            "error_id": each.error_id,
        }
        for each in table.faults
    ]
    routes = [
        {
            "method": route.endpoint.method,
            "url": route.endpoint.template,
            "file": route.endpoint.file,
            "auth": auth_of(route.endpoint.policy),
            "public": _is_open(route.endpoint),
            "timeout": route.endpoint.policy.timeout,
            "stream": route.endpoint.stream,
            "state": "serving" if route.operation else "quarantined",
            "error_id": route.endpoint.error_id,
            "import_seconds": None if route.seconds is None else round(route.seconds, 4),
        }
        for route in table.routes
    ]
    routes += [
        {
            "method": each.method,
            "url": each.template,
            "file": each.file,
            "auth": auth_of(each.policy),
            "public": _is_open(each),
            "timeout": each.policy.timeout,
            "stream": False,
            "state": "serving",
            "error_id": None,
            "import_seconds": None,
        }
        for each in table.others
    ]
    return msgspec.json.format(msgspec.json.encode({"routes": routes, "faults": faults}), indent=2).decode()


def explanation(
    table: RouteTable, method: str, path: str, *, stall: float = 0, is_shared: bool = False
) -> str | None:
    """Return what holds for one route and where each value comes from; None where there is no such route.

    Args:
        table: the routes.
        method: upper case.
        path: a template such as ``/orders/{id}``, or a URL that it matches.
        stall: seconds that one step may hold the loop; 0 where there is no limit.
        is_shared: the workers and replicas count rate limits together.
    """
    found = table.find(method, path)
    if found is None:
        return None
    route, values = found
    endpoint = route.endpoint
    lines = [f"{endpoint.method} {endpoint.template}", f"  file        {endpoint.file}"]
    lines += [f"  {name:<11} {value!r} in this URL" for name, value in values.items()]
    lines += [
        f"  state       {'serving' if route.operation else f'quarantined (error {endpoint.error_id})'}",
        "",
    ]
    counted = PER_WORKER - {"rate_limit"} if is_shared else PER_WORKER
    for field in msgspec.structs.fields(Policy):
        if field.name != "origins":
            value = _spell(getattr(endpoint.policy, field.name))
            origin = endpoint.policy.origins.get(field.name, "project default")
            lines.append(f"  {field.name:<20} {value:<26} {origin}")
            if getattr(endpoint.policy, field.name) and field.name in counted:
                lines[-1] += "; each worker counts its own calls"
    if stall:
        step = f"{stall:g} s, or until the timeout" if endpoint.policy.timeout < stall else f"{stall:g} s"
        lines.append(f"  {'one step':<20} {step:<26} ANNEX_STALL")
    lines += [f"\n{fault}" for fault in table.faults if fault.file == endpoint.file]
    return "\n".join(lines)


def auth_of(policy: Policy) -> str:
    """Return who may call, in a few words."""
    if policy.public:
        return "public"
    if policy.webhook:
        return f"webhook {policy.webhook}"
    demands = [each for each in (policy.role, policy.permission, policy.feature, policy.plan) if each]
    if policy.org and not (policy.role or policy.permission):
        demands.insert(0, "org")
    if policy.reverification:
        demands.append("reverified")
    if policy.token_types != ("session",):
        demands.insert(0, "/".join(kind.removesuffix("_token") for kind in policy.token_types))
    return " ".join(demands) or "session"


def _by_file(table: RouteTable) -> list[Route]:
    """Sort by URL, all routes of one file together."""
    first: dict[str, str] = {}
    for route in table.routes:
        first.setdefault(route.endpoint.file, route.endpoint.template)
    return sorted(table.routes, key=lambda route: (first[route.endpoint.file], route.endpoint.file))


def _heading(table: RouteTable, paint: Paint) -> str:
    serving = len(table.operations)
    broken = len(table.routes) - serving
    files = len({each.endpoint.file for each in table.operations})
    text = f"{serving} routes serve, from {files} files"
    return paint(text, "bold") + (paint(f"; {broken} in quarantine", "red") if broken else "")


def _file_line(routes: list[Route], paint: Paint) -> str:
    file, seconds = routes[0].endpoint.file, routes[0].seconds
    if any(route.operation is None for route in routes):
        note, tone = "quarantined", "red"
    elif seconds is not None and seconds >= SLOW:
        note, tone = f"import {seconds:.2f} s  SLOW", "yellow"
    else:
        note, tone = f"import {(seconds or 0) * 1000:.1f} ms", "dim"
    return f"{paint(file, 'bold')}{' ' * max(2, WIDTH - len(file) - len(note))}{paint(note, tone)}"


def _route_line(route: Route, paint: Paint) -> str:
    endpoint = route.endpoint
    notes = " ".join(
        word
        for word, holds in (
            ("stream", endpoint.stream),
            ("isolated", endpoint.policy.isolate),
            ("path=", endpoint.policy.path is not None),
            ("503", route.operation is None),
        )
        if holds
    )
    return _endpoint_line(endpoint, notes, paint)


def _endpoint_line(endpoint: Endpoint, notes: str, paint: Paint) -> str:
    auth = auth_of(endpoint.policy)
    limit = f"{endpoint.policy.timeout:g} s"
    line = f"  {endpoint.method:<7} {endpoint.template:<34} {auth:<20} {limit:>6}  {notes}".rstrip()
    return line.replace(auth, paint(auth, "yellow"), 1) if _is_open(endpoint) else line


def _fault_lines(faults: list[Fault], paint: Paint) -> list[str]:
    lines: list[str] = []
    for fault in faults:
        place = f"line {fault.line}: " if fault.line else ""
        text = f"{place}{fault.found} {fault.cure} (error {fault.error_id})"
        wrapped = textwrap.wrap(text, WIDTH, initial_indent="  ! ", subsequent_indent="    ")
        lines += [paint(line, "red") for line in wrapped]
    return lines


def _is_open(endpoint: Endpoint) -> bool:
    return endpoint.policy.public or endpoint.policy.webhook is not None


def _spell(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _paint(text: str, tone: str) -> str:
    return f"\033[{_COLOURS[tone]}m{text}\033[0m"


def _plain(text: str, _: str) -> str:
    return text

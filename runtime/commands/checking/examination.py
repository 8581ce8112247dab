"""Everything that can be known without a request: each finding says what, where, and what to do."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from runtime.bridge import artefacts, baseline, contract, openapi, shapes
from runtime.bridge.describable import divide
from runtime.commands.checking.database import declared
from runtime.commands.checking.neighbours import strays
from runtime.commands.checking.product import examine_product
from runtime.commands.finding import Finding, broken
from runtime.replacements import since
from runtime.routing import Fault, InputKind, Operation, RouteTable
from runtime.routing.lock import drift
from runtime.routing.signature.sources import unlikely_queries
from runtime.settings import Settings, unknown
from runtime.settings.import_path import PRODUCT
from runtime.settings.project import read_project
from runtime.starting.rewriting import uses
from runtime.work.literals import mistakes


def examine(
    settings: Settings, table: RouteTable, *, root: Path = Path(), since: str | None = None
) -> list[Finding]:
    """Examine everything.

    Args:
        settings: of the service.
        table: its routes.
        root: the project's folder, which holds `shared`, `contracts` and `client`.
        since: a git revision whose contract is compared with today's.
    """
    operations, undescribed = divide(table.described)
    is_broken = bool(table.faults or undescribed)
    areas: dict[str, Callable[[], Iterable[Finding]]] = {
        "files": lambda: _files(table),
        "schema": lambda: declared(root).faults,
        "product": lambda: examine_product(root),
        "upgrade": lambda: _old_names(root),
        "lock": lambda: _lock(settings, table),
        "work": lambda: (
            Finding("work", f"{file}:{line}: {text}", is_fault=True) for file, line, text in mistakes(table)
        ),
        "policies": lambda: _policies(table.operations),
        "caching": lambda: _caching(table.operations),
        "inputs": lambda: _inputs(table.operations),
        "types": lambda: _shapes(operations, undescribed),
        "client": lambda: _artefacts(operations, root, broken=is_broken),
        "contract": lambda: _changes(operations, root, since) if since else (),
    }
    findings = [Finding("settings", f"{settings.environment}, every variable is valid")]
    findings += [
        Finding("settings", f"{name} {text}", is_doubt=True) for name, text in unknown(settings.own.names())
    ]
    for area, look in areas.items():
        try:
            findings += look()
        except Exception as error:  # noqa: BLE001 - whatever is broken is a finding, not a traceback
            findings.append(broken(area, error))
    return findings


def _files(table: RouteTable) -> Iterator[Finding]:
    for fault in table.faults:
        yield Finding("files", str(fault), is_fault=True)
    if not table.faults:
        yield Finding("files", f"{len(table.operations)} endpoints, all of them reachable")
    if table.others:
        routes = ", ".join(f"{each.method} {each.template}" for each in table.others)
        yield Finding("litestar", f"beside them: {routes}")


def _old_names(root: Path) -> Iterator[Finding]:
    for use in uses(root, since(read_project(root).version)) if root != PRODUCT else ():
        place = f"{use.file.relative_to(root)}:{use.line}"
        yield Finding("upgrade", f"{place}: {use.change}. Run `annex upgrade`.", is_doubt=True)


def _lock(settings: Settings, table: RouteTable) -> Iterator[Finding]:
    differences = drift(settings.functions, table)
    for difference in differences:
        yield Finding("lock", difference, is_fault=True)
    if not differences:
        yield Finding("lock", "public.lock lists exactly the public routes")


def _policies(operations: Iterable[Operation]) -> Iterator[Finding]:
    for doubt in strays(operations):
        yield Finding("policies", doubt, is_doubt=True)


def _caching(operations: Iterable[Operation]) -> Iterator[Finding]:
    """From a raw request a function may read what a cache does not vary by."""
    for operation in operations:
        endpoint = operation.endpoint
        takes_request = any(each.kind is InputKind.REQUEST for each in operation.inputs)
        if takes_request and endpoint.policy.cache and endpoint.method == "GET":
            cure = "Take User and named inputs instead of Request, or remove `cache`."
            found = "`cache` is not safe where `get` takes Request."
            yield Finding("caching", f"{endpoint.file}: {found} {cure}", is_fault=True)


def _inputs(operations: Iterable[Operation]) -> Iterator[Finding]:
    for operation in operations:
        for doubt in unlikely_queries(operation):
            yield Finding("inputs", str(doubt), is_doubt=True)


def _shapes(operations: list[Operation], undescribed: list[Fault]) -> Iterator[Finding]:
    faults = [*undescribed, *shapes.faults(operations)]
    for fault in faults:
        yield Finding("types", str(fault), is_fault=True)
    if not faults:
        yield Finding("types", "every type of the contract can be written in TypeScript")


def _artefacts(operations: list[Operation], root: Path, *, broken: bool) -> Iterator[Finding]:
    """A project without the client's folder, such as a production image, has nothing to compare."""
    if not (root / "client").is_dir():
        return
    if broken:
        yield Finding("client", "not compared while a file is broken")
        return
    stale = artefacts.stale(root, operations)
    for path in stale:
        yield Finding(
            "client", f"{path} is out of date. Run `annex client` and commit the result.", is_fault=True
        )
    if not stale:
        yield Finding("client", "contract and TypeScript client are up to date")


def _changes(operations: list[Operation], root: Path, since: str) -> Iterator[Finding]:
    try:
        before = baseline.committed(root, since)
    except baseline.NoBaseline as error:
        yield Finding("contract", str(error), is_fault=True)
        return
    changes = contract.compare(before, openapi.document(operations))
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text("utf-8", "replace") if changelog.is_file() else ""
    silent = contract.unacknowledged(changes, text)
    for change in changes:
        cure = (
            " Revert it, or acknowledge it in CHANGELOG.md under Unreleased: `- Breaking: METHOD /path: …`."
        )
        yield Finding("contract", f"{change}{cure if change in silent else ''}", is_fault=change in silent)
    if not changes:
        yield Finding("contract", f"nothing changed since {since}")

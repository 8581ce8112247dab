"""Everything that can be known without a request: each finding says what, where, and what to do."""

import importlib
import importlib.util
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from runtime.bridge import artefacts, baseline, contract, openapi, shapes
from runtime.bridge.describable import divide
from runtime.dependencies import open_database
from runtime.routing import Fault, InputKind, Operation, RouteTable, TreeApp
from runtime.routing.lock import drift
from runtime.settings import Settings
from runtime.telemetry.redaction import name_of
from shared.database.drift import drifts
from shared.database.role import powers
from shared.errors import DatabaseUnavailable

GREEN, RED, PLAIN = "\033[32m", "\033[31m", "\033[0m"


class Finding(NamedTuple):
    """One thing looked at.

    Attributes:
        area: such as ``files`` or ``lock``.
        text: one line when fine; the cause and the cure when not.
        is_fault: makes `annex check` fail.
    """

    area: str
    text: str
    is_fault: bool = False

    def rendered(self, *, colour: bool) -> str:
        """Return the line a person reads."""
        mark = "✗" if self.is_fault else "✓"
        if colour:
            mark = f"{RED if self.is_fault else GREEN}{mark}{PLAIN}"
        return f"{mark} {self.area:<10} {self.text}"


def check(
    settings: Settings, table: RouteTable, *, root: Path = Path(), since: str | None = None
) -> list[Finding]:
    """Look at everything.

    Args:
        settings: what the service would be started with.
        table: what its functions are.
        root: the project's folder, where contracts and client stand.
        since: a git revision whose contract is compared with today's.
    """
    misserved = table.prove(TreeApp(route_handlers=table.handlers, openapi_config=None, logging_config=None))
    operations, undescribed = divide(table.operations)
    is_broken = bool(table.faults or undescribed)
    areas: dict[str, Callable[[], Iterable[Finding]]] = {
        "files": lambda: _files(table, misserved),
        "schema": _schema,
        "lock": lambda: _lock(settings, table),
        "caching": lambda: _caching(table.operations),
        "types": lambda: _shapes(operations, undescribed),
        "client": lambda: _artefacts(operations, root, broken=is_broken),
        "contract": lambda: _changes(operations, root, since) if since else (),
    }
    told = [Finding("settings", f"{settings.environment}, every variable can be read")]
    for area, look in areas.items():
        try:
            told += look()
        except Exception as error:  # noqa: BLE001 - whatever is broken is a finding, not a traceback
            told.append(broken(area, error))
    return told


def _schema() -> Iterator[Finding]:
    try:
        if importlib.util.find_spec("shared.market.schema") is not None:
            importlib.import_module("shared.market.schema")
    except Exception as error:  # noqa: BLE001 - the team's own file, broken in any way
        yield broken("schema", error)


async def check_database(settings: Settings) -> list[Finding]:
    """Compare the live database with what our SQL relies on, and look at the role; nothing is changed."""
    try:
        from shared.market.schema import ENUMS, TABLES
    except Exception as error:  # noqa: BLE001 - the team's own file, broken in any way
        return [_no_schema(error)]
    async with open_database(settings) as database:
        try:
            faults = await drifts(database.read_only(), TABLES, ENUMS)
            excess = await powers(database.read_only())
        except DatabaseUnavailable as error:
            return [Finding("database", f"cannot be asked: {error.reason}", is_fault=True)]
    findings = [Finding("database", notice) for notice in database.notices]
    findings += [Finding("database", str(fault), is_fault=True) for fault in faults]
    if not faults:
        findings.append(Finding("database", "every column that our SQL relies on is there, of its type"))
    findings += [Finding("role", f"{power}: docs/database.md has a role that cannot") for power in excess]
    if not excess:
        findings.append(Finding("role", "it cannot change the schema"))
    return findings


def broken(area: str, error: BaseException) -> Finding:
    """Return what stopped looking at `area`, by type and place; its text could quote anything."""
    places = traceback.extract_tb(error.__traceback__)
    where = f", {places[-1].filename}:{places[-1].lineno}" if places else ""
    told = f"could not be looked at: {name_of(error)}{where}. Repair what stands there, and ask again."
    return Finding(area, told, is_fault=True)


def _no_schema(error: Exception) -> Finding:
    if isinstance(error, ModuleNotFoundError) and error.name == "shared.market.schema":
        told = "shared/market/schema.py is gone: bring it back; it says which tables our SQL relies on"
        return Finding("schema", told, is_fault=True)
    return broken("schema", error)


def _files(table: RouteTable, misserved: list[Fault]) -> Iterator[Finding]:
    for fault in (*table.faults, *misserved):
        yield Finding("files", str(fault), is_fault=True)
    if not table.faults and not misserved:
        yield Finding("files", f"{len(table.operations)} endpoints, every one proven reachable")


def _lock(settings: Settings, table: RouteTable) -> Iterator[Finding]:
    differences = drift(settings.functions, table)
    for difference in differences:
        yield Finding("lock", difference, is_fault=True)
    if not differences:
        yield Finding("lock", "the open routes are the ones that public.lock lists")


def _caching(operations: Iterable[Operation]) -> Iterator[Finding]:
    """Of a raw request a function may read what no cache tells two callers by."""
    for operation in operations:
        endpoint = operation.endpoint
        takes_request = any(each.kind is InputKind.REQUEST for each in operation.inputs)
        if takes_request and endpoint.policy.cache and endpoint.method == "GET":
            cure = "Ask for User and for named inputs instead of Request, or leave out `cache`."
            found = "`cache` cannot be safe where `get` takes Request."
            yield Finding("caching", f"{endpoint.file}: {found} {cure}", is_fault=True)


def _shapes(operations: list[Operation], undescribed: list[Fault]) -> Iterator[Finding]:
    faults = [*undescribed, *shapes.faults(operations)]
    for fault in faults:
        yield Finding("types", str(fault), is_fault=True)
    if not faults:
        yield Finding("types", "every shape crosses to TypeScript and back unchanged")


def _artefacts(operations: list[Operation], root: Path, *, broken: bool) -> Iterator[Finding]:
    """A project without the client's folder (a production image) has nothing that could be stale."""
    if not (root / "client").is_dir():
        return
    if broken:
        yield Finding("client", "not compared while a file is broken: what is committed stands")
        return
    stale = artefacts.stale(root, operations)
    for path in stale:
        yield Finding("client", f"{path} is stale. Run `annex client` and commit it.", is_fault=True)
    if not stale:
        yield Finding("client", "contract and TypeScript say what the functions say")


def _changes(operations: list[Operation], root: Path, since: str) -> Iterator[Finding]:
    try:
        before = baseline.committed(root, since)
    except baseline.NoBaseline as error:
        yield Finding("contract", str(error), is_fault=True)
        return
    changes = contract.compare(before, openapi.document(operations))
    changelog = root / "CHANGELOG.md"
    told = changelog.read_text("utf-8", "replace") if changelog.is_file() else ""
    silent = contract.unacknowledged(changes, told)
    for change in changes:
        cure = (
            " Revert it, or acknowledge it in CHANGELOG.md under Unreleased: `- Breaking: METHOD /path: …`."
        )
        yield Finding("contract", f"{change}{cure if change in silent else ''}", is_fault=change in silent)
    if not changes:
        yield Finding("contract", f"nothing changed since {since}")

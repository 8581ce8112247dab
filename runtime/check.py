"""Everything that can be known without a request: each finding says what, where, and what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runtime.bridge import artefacts, baseline, contract, openapi, shapes
from runtime.bridge.describable import divide
from runtime.database import open_database
from runtime.routing import Fault, Operation, RouteTable, TreeApp
from runtime.routing.lock import drift
from runtime.settings import Settings
from shared.database.contract import drifts
from shared.database.role import powers
from shared.errors import DatabaseUnavailable
from shared.schema import ENUMS, TABLES

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
    return [
        Finding("settings", f"{settings.environment}, every variable can be read"),
        *_files(table, misserved),
        *_lock(settings, table),
        *_shapes(operations, undescribed),
        *_artefacts(operations, root, broken=bool(table.faults or undescribed)),
        *(_changes(operations, root, since) if since else ()),
    ]


async def check_database(settings: Settings) -> list[Finding]:
    """Compare the live database with what our SQL relies on, and look at the role; nothing is changed."""
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
    told = changelog.read_text() if changelog.is_file() else ""
    silent = contract.unacknowledged(changes, told)
    for change in changes:
        cure = " Undo it, or own up in CHANGELOG.md under Unreleased: `- Breaking: METHOD /path: …`."
        yield Finding("contract", f"{change}{cure if change in silent else ''}", is_fault=change in silent)
    if not changes:
        yield Finding("contract", f"nothing changed since {since}")

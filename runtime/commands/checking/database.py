"""The live database against what the service's SQL relies on; nothing is changed.

A service declares that in `shared/NAME/schema.py` or `shared/schema.py`: `TABLES` and `ENUMS`, both optional.
"""

import importlib
from pathlib import Path
from typing import NamedTuple

from runtime.commands.finding import Finding, broken
from runtime.dependencies import open_database
from runtime.settings import Settings
from shared.database.drift import Labels, Table, drifts
from shared.database.role import powers
from shared.errors import DatabaseUnavailable


class Schema(NamedTuple):
    """What the service's schema files declare, and a finding for each file that cannot be used."""

    tables: tuple[Table, ...] = ()
    enums: tuple[Labels, ...] = ()
    faults: tuple[Finding, ...] = ()


def declared(root: Path) -> Schema:
    """Import the schema files below `root`/shared.

    Args:
        root: the project's folder, which must be on the import path.
    """
    tables: list[Table] = []
    enums: list[Labels] = []
    faults: list[Finding] = []
    shared = root / "shared"
    for file in sorted([*shared.glob("schema.py"), *shared.glob("*/schema.py")]):
        try:
            module = importlib.import_module(".".join(file.relative_to(root).with_suffix("").parts))
            tables += _all(getattr(module, "TABLES", ()), Table)
            enums += _all(getattr(module, "ENUMS", ()), Labels)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the service's own file, broken in any way
            faults.append(broken("schema", error))
    return Schema(tuple(tables), tuple(enums), tuple(faults))


def _all[T](values: object, kind: type[T]) -> tuple[T, ...]:
    if not isinstance(values, tuple | list) or not all(isinstance(value, kind) for value in values):
        raise TypeError(f"expected a tuple of {kind.__name__}")
    return tuple(values)


async def check_database(settings: Settings, schema: Schema | None = None) -> list[Finding]:
    """Compare the live database with `schema`, by default what the service declares; examine the role."""
    schema = schema or declared(settings.functions.resolve().parent)
    async with open_database(settings) as database:
        try:
            drifted = await drifts(database.read_only(), schema.tables, schema.enums)
            excess = await powers(database.read_only())
        except DatabaseUnavailable as error:
            return [Finding("database", f"not compared: {error.reason}", is_fault=True)]
    findings = [*schema.faults, *(Finding("database", notice) for notice in database.notices)]
    findings += [Finding("database", str(drift), is_fault=True) for drift in drifted]
    if not schema.tables and not schema.enums:
        findings.append(
            Finding("database", "nothing to compare: no shared/*/schema.py declares TABLES or ENUMS")
        )
    elif not drifted:
        findings.append(
            Finding("database", "every column that the service's SQL relies on exists and has its type")
        )
    findings += [Finding("role", f"{power}; docs/database.md has a role that cannot") for power in excess]
    return findings if excess else [*findings, Finding("role", "it cannot change the schema")]

"""Puts the example app into an empty server: its database, tables, readings, and the service's role."""

from pathlib import Path

import asyncpg
import msgspec

from runtime.dev.example_app.readings import instruments, readings

DATABASE = "app"
ROLE = "annex"
_HERE = Path(__file__).parent


async def seed(admin_url: str, *, password: str | None = None) -> None:
    """Create and fill the database `app` and the role `annex`, unless that was done before.

    Args:
        admin_url: of a superuser, at any database of the server.
        password: of the role, for access over TCP.
    """
    admin = await asyncpg.connect(admin_url)
    try:
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await admin.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await admin.close()
    owner = await asyncpg.connect(admin_url, database=DATABASE)
    try:
        async with owner.transaction():
            if not await owner.fetchval("""SELECT to_regclass('public."Signal"')"""):
                await _fill(owner)
            if password is not None:
                await owner.execute(f"ALTER ROLE {ROLE} PASSWORD '{password}'")
    finally:
        await owner.close()


async def _fill(owner: asyncpg.Connection) -> None:
    await owner.execute((_HERE / "schema.sql").read_text("utf-8"))
    await owner.copy_records_to_table(
        "Instrument",
        columns=["id", "symbol", "name", "kind"],
        records=[row[:4] for row in instruments()],
    )
    await owner.copy_records_to_table(
        "Signal",
        columns=["id", "instrumentId", "regime", "value", "confidence", "factors", "observedAt", "createdAt"],
        records=[(*row[:5], msgspec.json.encode(row.factors).decode(), *row[6:]) for row in readings()],
    )
    await owner.execute((_HERE / "role.sql").read_text("utf-8"))

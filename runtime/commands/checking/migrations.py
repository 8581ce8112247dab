"""A database made from the app's migrations against what the service's SQL relies on.

Each file is applied to an embedded PostgreSQL that is thrown away, so that a pull request of the app shows
what it would break here, and in which file, before any database has it.
"""

import asyncio
import tempfile
from pathlib import Path

import asyncpg

from runtime.commands.checking.database import Schema
from runtime.commands.finding import Finding
from runtime.dev.postgres import EmbeddedPostgres, EmbeddedPostgresError, embedded
from runtime.dev.postgres.seed import DATABASE, ROLE, apply, seed
from shared.database import Database
from shared.database.drift import drifts
from shared.secret import Secret

_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def check_migrations(folder: Path, schema: Schema) -> list[Finding]:
    """Apply every `.sql` file below `folder`, in the order of their paths, and compare after each.

    Prisma's `migrations` and Drizzle's output folder are such folders.
    """
    files = sorted(folder.rglob("*.sql"))
    if not files:
        return [_fault(f"there is no .sql file below {folder}; name the folder of the app's migrations")]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="annex-migrations-") as place,
            embedded(Path(place), settings=_FAST) as server,
        ):
            broken = asyncio.run(_broken(server, files, schema))
    except EmbeddedPostgresError as error:
        return [_fault(f"not compared: {error}")]
    if broken:
        return [_fault(f"{drift} (since {file.relative_to(folder)})") for drift, file in broken.items()]
    return [
        Finding("migrations", f"every column that the service's SQL relies on is in these {len(files)} files")
    ]


async def _broken(server: EmbeddedPostgres, files: list[Path], schema: Schema) -> dict[str, Path]:
    """Return each difference that is left in the end, with the file that brought it."""
    await seed(server.socket_url(), [])
    broken: dict[str, Path] = {}
    owner = await asyncpg.connect(server.socket_url(DATABASE))
    try:
        url = Secret(server.socket_url(DATABASE, ROLE))
        async with Database.from_url(url, pooler="none") as database:
            for file in files:
                await apply(owner, file, file.read_text("utf-8"))
                found = map(str, await drifts(database, schema.tables, schema.enums))
                broken = {drift: broken.get(drift, file) for drift in found}
    finally:
        await owner.close()
    return broken


def _fault(text: str) -> Finding:
    return Finding("migrations", text, is_fault=True)

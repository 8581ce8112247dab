"""The embedded database: created once from SQL files, with the role that the service connects as.

Development and tests only. The service itself never creates, alters or drops anything.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from runtime.dev.postgres.account import EmbeddedPostgresError
from runtime.settings import Settings
from runtime.settings.project import read_project

logger = logging.getLogger(__name__)

DATABASE = "app"
ROLE = "annex"
_ROLE = Path(__file__).with_name("role.sql")


def seed_files(settings: Settings) -> list[Path]:
    """Return the SQL files that the database is made from, in the order of their paths.

    They are those of ANNEX_SEED, else of the folders that `[tool.annex] seed` lists, else of `shared/*/seed`.

    Raises:
        EmbeddedPostgresError: one of them is no folder.
    """
    project = settings.functions.resolve().parent
    listed = [settings.seed] if settings.seed else read_project(project).seed
    for folder in listed:
        if not folder.is_dir():
            source = "ANNEX_SEED" if settings.seed else "[tool.annex] seed"
            raise EmbeddedPostgresError(f"{source}: there is no folder {folder}; create it or unset it")
    folders = listed or sorted((project / "shared").glob("*/seed"))
    return [file for folder in folders for file in sorted(folder.rglob("*.sql"))]


async def seed(
    admin_url: str, files: Sequence[Path], *, database: str = DATABASE, password: str | None = None
) -> None:
    """Create `database` from `files`, and the role `annex`, unless the database exists.

    Args:
        admin_url: of a superuser, at any database of the server.
        files: run in this order.
        database: an existing one is never changed; a warning says when it was made from other files.
        password: of the role, for access over TCP.

    Raises:
        EmbeddedPostgresError: a file cannot be run; the text names file, line and cause.
    """
    texts = [file.read_text("utf-8") for file in files]
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    admin = await asyncpg.connect(admin_url)
    try:
        found = await admin.fetchrow(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", database
        )
        if found is None:
            # Under another name until it is complete.
            await admin.execute(f"DROP DATABASE IF EXISTS {database}_new")
            await admin.execute(f"CREATE DATABASE {database}_new")
            await _fill(admin_url, f"{database}_new", dict(zip(files, texts, strict=True)))
            await admin.execute(f"COMMENT ON DATABASE {database}_new IS '{digest}'")
            await admin.execute(f"ALTER DATABASE {database}_new RENAME TO {database}")
        elif found[0] != digest:
            logger.warning(
                "the SQL files have changed since the embedded database was created; "
                "to create it again, stop the service and delete .annex/postgres"
            )
        if password is not None:
            await admin.execute(f"ALTER ROLE {ROLE} PASSWORD '{password}'")
    finally:
        await admin.close()


async def apply(owner: asyncpg.Connection, file: Path, text: str) -> None:
    """Run the statements of one file in one transaction.

    Raises:
        EmbeddedPostgresError: as `seed`.
    """
    try:
        await owner.execute(text)
    except asyncpg.PostgresError as error:
        line = text[: int(getattr(error, "position", None) or 1) - 1].count("\n") + 1
        raise EmbeddedPostgresError(f"{file}:{line}: {error}") from None


async def _fill(admin_url: str, database: str, texts: dict[Path, str]) -> None:
    owner = await asyncpg.connect(admin_url, database=database)
    try:
        for file, text in texts.items():
            await apply(owner, file, text)
        role = _ROLE.read_text("utf-8")
        if await owner.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
            role = role.partition(";")[2]  # without its first statement, which creates the role
        await owner.execute(role)
    finally:
        await owner.close()

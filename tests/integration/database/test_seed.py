"""The embedded database is created from the service's own SQL files, once."""

import logging
from pathlib import Path

import asyncpg
import pytest

from runtime.dev.postgres import EmbeddedPostgresError
from runtime.dev.postgres.seed import seed, seed_files
from runtime.settings import load
from tests.fixtures.postgres import Postgres
from tests.fixtures.routing import write_tree

FILES = {
    "migrations/2_more/migration.sql": 'INSERT INTO "Price" VALUES (7);\n',
    "migrations/1_init/migration.sql": 'CREATE TABLE "Price" ("amount" int);\n',
    "migrations/notes.txt": "no SQL",
    "shared/prices/seed/1.sql": "SELECT 1;\n",
    "functions/index.py": "",
}


def files_of(folder: Path, **environment: str) -> list[str]:
    settings = load({"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(folder / "functions"), **environment})
    return [path.relative_to(folder).as_posix() for path in seed_files(settings)]


def test_the_folder_of_the_setting_is_read_in_the_order_of_paths_else_the_seed_folders_below_shared(
    tmp_path: Path,
):
    write_tree(tmp_path, FILES)

    chosen = files_of(tmp_path, ANNEX_SEED=str(tmp_path / "migrations"))

    assert chosen == ["migrations/1_init/migration.sql", "migrations/2_more/migration.sql"]
    assert files_of(tmp_path) == ["shared/prices/seed/1.sql"]


def test_a_folder_that_is_not_there_is_named_with_the_cure(tmp_path: Path):
    with pytest.raises(EmbeddedPostgresError, match="ANNEX_SEED: there is no folder"):
        files_of(tmp_path, ANNEX_SEED=str(tmp_path / "nowhere"))


async def test_the_database_is_created_once_and_says_when_its_files_have_changed(
    tmp_path: Path, postgres: Postgres, caplog: pytest.LogCaptureFixture
):
    write_tree(tmp_path, FILES)
    files = sorted((tmp_path / "migrations").rglob("*.sql"))
    await seed(postgres.socket_url(), files, database="prices")
    await seed(postgres.socket_url(), files, database="prices")
    assert caplog.messages == []
    files[1].write_text('INSERT INTO "Price" VALUES (8);\n')

    with caplog.at_level(logging.WARNING):
        await seed(postgres.socket_url(), files, database="prices")

    (warning,) = caplog.messages
    assert "stop the service and delete .annex/postgres" in warning
    service = await asyncpg.connect(postgres.socket_url("prices", "annex"))
    assert await service.fetchval('SELECT "amount" FROM "Price"') == 7
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute("CREATE TABLE mine ()")
    await service.close()


async def test_a_file_that_fails_is_named_with_its_line_and_leaves_no_half_database(
    tmp_path: Path, postgres: Postgres
):
    write_tree(tmp_path, {"1.sql": 'SELECT 1;\nSELECT "nothing" FROM "Nowhere";\n'})
    file = tmp_path / "1.sql"

    with pytest.raises(EmbeddedPostgresError) as failure:
        await seed(postgres.socket_url(), [file], database="half")

    assert str(failure.value) == f'{file}:2: relation "Nowhere" does not exist'
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(postgres.socket_url("half"))

"""What `annex check --database` and `annex doctor` say of a database and of the role."""

import asyncio
import re
import sys
from pathlib import Path

from runtime.commands.checking.database import Schema, check_database, declared
from runtime.commands.checking.migrations import check_migrations
from runtime.commands.doctor import examine
from runtime.settings import Settings, load
from shared.database import Database
from shared.secret import Secret
from tests.fixtures.service import SAMPLE


def settings(url: str) -> Settings:
    return load({"DATABASE_URL": url, "ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(SAMPLE / "functions")})


async def findings(url: str) -> list[tuple[bool, str]]:
    found = await check_database(settings(url))
    return [(finding.is_fault, f"{finding.area}: {finding.text}") for finding in found]


async def test_a_database_that_fits_and_a_role_that_is_least_are_said_to_be_so(database_url: str):
    assert await findings(database_url) == [
        (False, "database: every column that the service's SQL relies on exists and has its type"),
        (False, "role: it cannot change the schema"),
    ]


async def test_a_role_with_too_much_power_is_told_but_is_not_a_fault(owner_url: str):
    role = (await findings(owner_url))[-1]

    assert role[0] is False
    assert role[1].startswith("role: postgres is a superuser")


async def test_what_the_url_lost_in_translation_is_told(database_url: str):
    assert (False, "database: gssencmode is ignored: GSSAPI is not supported") in await findings(
        f"{database_url}&gssencmode=disable"
    )


async def test_a_database_that_does_not_answer_is_a_fault_with_its_reason_and_without_its_url():
    assert await findings("postgresql://annex:K1tt3n@127.0.0.1:9/app") == [
        (True, "database: not compared: connection refused: nothing listens at the address")
    ]


async def test_the_command_fails_by_name_when_a_migration_took_a_column(database_url: str, owner_url: str):
    async with Database.from_url(Secret(owner_url)) as owner:
        await owner.execute('ALTER TABLE "Sample" DROP COLUMN "createdBy"')

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime.commands.cli", "check", "--database"),
        stdout=asyncio.subprocess.PIPE,
        cwd=SAMPLE,
        env={"DATABASE_URL": database_url, "ANNEX_ENV": "test", "PYTHONPATH": str(SAMPLE)},
    )
    output, _ = await process.communicate()

    assert "✗ database   Sample.createdBy: column not found; expected text" in output.decode()
    assert process.returncode == 1


PRISMA = {
    "20260101000000_init/migration.sql": (
        SAMPLE / "shared" / "samples" / "seed" / "1_schema.sql"
    ).read_text(),
    "20260301000000_note/migration.sql": 'ALTER TABLE "Sample" ADD COLUMN "note" TEXT;',
    "20260401000000_drop/migration.sql": 'ALTER TABLE "Sample" DROP COLUMN "createdBy";',
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


async def migrated(folder: Path) -> list[tuple[bool, str]]:
    found = await asyncio.to_thread(check_migrations, folder, declared(SAMPLE))
    return [(each.is_fault, each.text) for each in found]


async def test_the_apps_migrations_show_what_they_break_and_in_which_file(tmp_path: Path):
    assert await migrated(written(tmp_path, PRISMA)) == [
        (
            True,
            "Sample.createdBy: column not found; expected text (since 20260401000000_drop/migration.sql)",
        )
    ]


async def test_drizzles_migrations_that_fit_are_said_to(tmp_path: Path):
    first, second = list(PRISMA.values())[:2]
    files = {
        "0000_init.sql": first.replace(";\n", ";\n--> statement-breakpoint\n"),
        "0001_note.sql": second,
        "meta/_journal.json": "{}",
    }

    assert await migrated(written(tmp_path, files)) == [
        (False, "every column that the service's SQL relies on is in these 2 files")
    ]


async def test_a_migration_that_cannot_be_applied_is_named_with_its_line(tmp_path: Path):
    [(is_fault, text)] = await migrated(written(tmp_path, {"0000_init.sql": "SELECT 1;\nCREATE TABEL a ();"}))

    assert is_fault
    assert "0000_init.sql:2: syntax error" in text


async def test_a_folder_without_migrations_is_a_fault(tmp_path: Path):
    assert await migrated(tmp_path) == [
        (True, f"there is no .sql file below {tmp_path}; name the folder of the app's migrations")
    ]


async def test_the_command_checks_a_folder_of_migrations_without_a_database(tmp_path: Path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime.commands.cli", "check", "--database", written(tmp_path, PRISMA)),
        stdout=asyncio.subprocess.PIPE,
        cwd=SAMPLE,
        env={"ANNEX_ENV": "test", "PYTHONPATH": str(SAMPLE)},
    )
    output, _ = await process.communicate()

    assert "✗ migrations Sample.createdBy: column not found; expected text" in output.decode()
    assert process.returncode == 1


async def test_the_doctor_tells_reachability_connections_and_role(database_url: str):
    told = [f"{finding.area}: {finding.text}" for finding in await examine(settings(database_url))]

    assert any(re.fullmatch(r"database: responds in \d+ ms", line) for line in told)
    assert "database: this process opens at most 5 of the server's 100 connections" in told
    assert "role: it cannot change the schema" in told


async def test_the_doctor_says_why_a_database_does_not_answer():
    found = await examine(settings("postgresql://annex:K1tt3n@127.0.0.1:9/app"))

    told = [finding for finding in found if finding.area == "database"]
    assert [(finding.text, finding.is_fault) for finding in told] == [
        ("does not respond: connection refused: nothing listens at the address", True)
    ]


async def test_a_service_that_declares_no_tables_is_told_so_and_its_role_is_examined(database_url: str):
    found = await check_database(settings(database_url), Schema())

    assert [(finding.is_fault, f"{finding.area}: {finding.text}") for finding in found] == [
        (False, "database: nothing to compare: no shared/*/schema.py declares TABLES or ENUMS"),
        (False, "role: it cannot change the schema"),
    ]

"""The embedded server: kept between runs, put right after a crash, never left behind, closed to others."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest

from runtime.dev.postgres import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    FolderInUseError,
    binaries,
    embedded,
)
from runtime.dev.postgres.seed import seed
from tests.fixtures.faults import eventually
from tests.fixtures.postgres import FAST, SEED, memory_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="annex-embedded-", dir=memory_folder()))
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def value(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_what_was_written_is_there_after_a_restart_and_seeding_again_changes_nothing(folder: Path):
    with embedded(folder, settings=FAST) as server:
        asyncio.run(seed(server.socket_url(), SEED))
        asyncio.run(value(server.socket_url("app"), """DELETE FROM "Sample" WHERE state = 'NORMAL'"""))
        before = asyncio.run(value(server.socket_url("app"), 'SELECT count(*) FROM "Sample"'))
    with embedded(folder, settings=FAST) as server:
        asyncio.run(seed(server.socket_url(), SEED))
        assert asyncio.run(value(server.socket_url("app"), 'SELECT count(*) FROM "Sample"')) == before


def test_a_second_server_on_the_same_folder_is_refused(folder: Path):
    with embedded(folder, settings=FAST), pytest.raises(FolderInUseError, match="another process"):
        EmbeddedPostgres(folder).start()


def test_the_network_asks_for_a_password_and_the_socket_lets_only_its_owner_in(folder: Path):
    with embedded(folder, settings=FAST) as server:
        assert asyncio.run(value(server.url(), "SELECT 1")) == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            asyncio.run(value(server.url(password="guess"), "SELECT 1"))

        assert server.socket.stat().st_mode & 0o777 == 0o700
        assert (server.folder / "password").stat().st_mode & 0o777 == 0o600


def test_a_data_folder_that_was_half_made_is_made_anew(folder: Path):
    for name in ("data", "data.new"):
        (folder / name).mkdir()
        (folder / name / "leftover").touch()

    with embedded(folder, settings=FAST) as server:
        assert asyncio.run(value(server.socket_url(), "SELECT 1")) == 1


def test_the_data_of_another_version_is_put_aside_and_not_touched(folder: Path):
    with embedded(folder, settings=FAST) as server:
        data = server.data
    (data / "PG_VERSION").write_text("9\n")

    with embedded(folder, settings=FAST) as server:
        assert asyncio.run(value(server.socket_url(), "SELECT 1")) == 1

    (aside,) = folder.glob("data-of-version-9-*")
    assert (aside / "base").is_dir()


PARENT = """
import sys, signal
from pathlib import Path
from runtime.dev.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), settings={"fsync": "off"})
server.start()
print(server.socket_url(), flush=True)
signal.pause()
"""


def started_by_another_process(folder: Path) -> tuple[subprocess.Popen[str], str]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, folder], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, parent.stdout.readline().strip()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_whose_parent_is_gone_goes_too(folder: Path, how: signal.Signals):
    parent, url = started_by_another_process(folder)
    assert await value(url, "SELECT 1") == 1

    with parent:
        parent.send_signal(how)

    await eventually(lambda: is_gone(folder))
    with pytest.raises((ConnectionError, FileNotFoundError)):
        await value(url, "SELECT 1")
    socket = Path(unquote(parse_qs(urlsplit(url).query)["host"][0]))
    await eventually(lambda: is_removed(socket))


async def is_removed(socket: Path) -> bool:
    return not await asyncio.to_thread(socket.exists)


async def is_gone(folder: Path) -> bool:
    return not (folder / "data" / "postmaster.pid").exists()


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


@pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="no /proc to find the shell in: orphans are NOT tested"
)
async def test_a_server_that_lost_its_leash_is_stopped_by_the_next_start(folder: Path):
    """The parent and the shell that holds the leash are both killed: the server is an orphan."""
    parent, url = started_by_another_process(folder)
    shell = child_of(parent.pid)
    with parent:
        os.kill(shell, signal.SIGKILL)
        parent.kill()
    assert await value(url, "SELECT 1") == 1

    server = EmbeddedPostgres(folder, settings=FAST)
    await asyncio.to_thread(server.start)
    try:
        assert await value(server.socket_url(), "SELECT 1") == 1
        with pytest.raises((ConnectionError, FileNotFoundError)):
            await value(url, "SELECT 1")
    finally:
        server.stop()


def test_a_server_that_cannot_start_says_why(folder: Path):
    with pytest.raises(EmbeddedPostgresError, match="invalid value for parameter"):
        EmbeddedPostgres(folder, settings={"shared_buffers": "none"}).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to drop to: closed homes are NOT tested")
def test_below_a_home_that_is_closed_to_others_the_data_and_the_program_move_to_where_they_can_be_used(
    folder: Path,
):
    home = folder / "home"
    home.mkdir(mode=0o700)
    package = binaries().parents[1]
    for tree in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(tree, home / "site-packages" / tree.name, symlinks=True)
    program = home / "site-packages" / package.name / binaries().relative_to(package)

    server = EmbeddedPostgres(home / "project" / ".annex", settings=FAST, binaries_folder=program)
    try:
        server.start()
        assert asyncio.run(value(server.socket_url(), "SELECT 1")) == 1
        assert not server.folder.is_relative_to(home)
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)

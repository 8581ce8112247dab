"""The README, followed to the letter on a machine that has nothing but Python, make and a package index."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.fixtures.clone import clone
from tests.fixtures.service import ROOT, free_port, until

pytestmark = pytest.mark.timeout(600)

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
FIRST_START = 240  # seconds; it brings every package along


def block(language: str, containing: str = "") -> str:
    found: str = next(text for kind, text in BLOCKS if kind == language and containing in text)
    return found


class Session:
    """A terminal in a fresh clone, with `make dev` running in it."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], port: int, screen: Path) -> None:
        self.folder = folder
        self.process = process
        self.port = port
        self._screen = screen

    @property
    def screen(self) -> str:
        return self._screen.read_text("utf-8", "replace")

    def paste(self, command: str) -> str:
        there = command.replace("localhost:8000", f"localhost:{self.port}")
        run = subprocess.run(
            ["bash", "-c", there],
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            env=bare(),
        )
        return run.stdout


def bare(**more: str) -> dict[str, str]:
    """The environment of a fresh machine: no uv, no database, no account."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = [part for part in os.environ["PATH"].split(":") if not (Path(part) / "uv").exists()]
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "UV_"))}
    return {**kept, **pip, "PATH": ":".join(path), **more}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = clone(tmp_path_factory.mktemp("clone"))
    screen, port = folder.parent / "screen", free_port()
    with screen.open("wb") as out:
        process = subprocess.Popen(
            ["make", "dev"],
            cwd=folder,
            env=bare(PORT=str(port)),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    running = Session(folder, process, port, screen)
    try:
        until(lambda: "curl" in running.screen or process.poll() is not None, seconds=FIRST_START)
        assert process.poll() is None, running.screen
        until(lambda: "listening on port" in running.screen)
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
        # Where a closed folder cannot be entered by the server's user, its data lives here.
        name = str(folder / ".annex/postgres").strip("/").replace("/", "-")
        shutil.rmtree(Path("/var/tmp") / f"annex-{name}", ignore_errors=True)  # noqa: S108  the server's own choice


def test_make_dev_says_what_it_brings_along_and_prints_a_banner(session: Session):
    assert "setup:" in session.screen
    assert f"http://localhost:{session.port}" in session.screen
    assert "/signals/{symbol}" in session.screen


def test_the_banners_curl_works_when_pasted(session: Session):
    line = next(line for line in session.screen.splitlines() if line.strip().startswith("curl"))
    assert len(line) < 100
    assert json.loads(session.paste(line))["userId"] == "user_1"


def test_the_readmes_function_is_served_as_soon_as_it_is_saved(session: Session):
    place = re.search(r"Save this as `([^`]+)`", README)
    assert place
    file = session.folder / place[1]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block("python"), "utf-8")
    curl, expected = block("sh", "curl"), json.loads(block("json"))
    until(lambda: '"symbol"' in session.paste(curl), seconds=20)
    assert json.loads(session.paste(curl)) == expected


def test_make_test_runs_the_whole_suite():
    commands = [line.partition("#")[0].strip() for line in block("sh", "make test").splitlines()]
    assert commands == ["make dev", "make test"]
    planned = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "pytest" in planned
    assert "ruff check" in planned


def test_ctrl_c_leaves_no_process_behind(session: Session):
    mine = psutil.Process(session.process.pid).children(recursive=True)
    os.killpg(session.process.pid, signal.SIGINT)
    session.process.wait(30)
    gone, alive = psutil.wait_procs(mine, timeout=10)
    assert alive == []
    assert any("postgres" in str(process) or process for process in gone)

"""A real `annex dev`: files are saved under it while one connection keeps asking."""

import contextlib
import http.client
import json
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.service import Service, annex, until

OPEN = "from runtime import Function\n\nconfig = Function(public=True)\n\n\n"


def answering(number: int) -> str:
    return f"{OPEN}async def get() -> int:\n    return {number}\n"


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "a.py").write_text(answering(0))
    return folder


@pytest.fixture
def service(tmp_path: Path, functions: Path) -> Iterator[Service]:
    nowhere = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"  # these functions ask for no database
    environment = {"ANNEX_FUNCTIONS": str(functions), "DATABASE_URL": nowhere, "HOST": "127.0.0.1"}
    with annex("dev", tmp_path, environment, cwd=tmp_path) as running:
        yield running


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, Any, str]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()), answer.getheader("x-annex-fault", "")


def serves(connection: http.client.HTTPConnection, path: str, value: int) -> bool:
    return bool(ask(connection, path)[1] == value)


@pytest.fixture
def connection(service: Service) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as opened:
        opened.connect()
        yield opened


def test_saved_files_are_served_on_a_connection_that_stays_open(
    service: Service, connection: http.client.HTTPConnection, functions: Path
):
    socket = connection.sock

    for number in range(1, 6):
        (functions / "a.py").write_text(answering(number))
        until(partial(serves, connection, "/a", number))
    (functions / "a.py").write_text(f"{OPEN}async def get( -> int:\n")
    until(lambda: ask(connection, "/a")[2])
    status, value, told = ask(connection, "/a")

    assert (status, value) == (200, 5)
    assert told == "a.py:6: Invalid Python: invalid syntax. Fix the syntax. This is the last good version."
    assert "function quarantined: a.py:6: Invalid Python" in service.log
    assert connection.sock is socket


def test_stop_after_swaps_leaves_nothing_behind(
    service: Service, connection: http.client.HTTPConnection, functions: Path
):
    (functions / "b.py").write_text(answering(7))
    until(partial(serves, connection, "/b", 7))
    connection.close()

    assert service.stop() == 0
    assert "still running at the end" not in service.log


def test_closed_terminal_ends_the_session(service: Service):
    assert service.stop(signal.SIGHUP) == 0
    assert "stopping" in service.log

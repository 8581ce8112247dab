"""A real process whose output nobody reads, or cannot be written: it serves, and it ends."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import STANDING, environment, functions_of
from tests.fixtures.service import Service, annex, free_port, until

NO_DATABASE = "postgresql://app@127.0.0.1:1/app"
HEAD = (
    '"""Says a lot."""\n\nimport logging\nimport sys\n\nfrom runtime import Function\n\n'
    "config = Function(public=True)\n\n\n"
)
FILES = {
    "failing.py": f'{HEAD}async def get() -> str:\n    """Fail."""\n    raise ValueError("no")\n',
    "printing.py": f'{HEAD}async def get(to: str) -> str:\n    """Print."""\n'
    '    print("x" * 300_000, file=getattr(sys, to))\n    return ""\n',
    "telling.py": f'{HEAD}async def get(number: int) -> str:\n    """Log and print, in turn."""\n'
    "    for each in range(number):\n        print(f'told {2 * each}')\n"
    "        logging.getLogger('telling').info('told %d', 2 * each + 1)\n    return ''\n",
    "closing.py": f'{HEAD}async def get() -> str:\n    """Close what is not its own."""\n'
    "    sys.stdout.close()\n    sys.stdout.detach()\n    sys.modules.clear()\n    return ''\n",
    "standing.py": STANDING,
}


@contextlib.contextmanager
def serving(tmp_path: Path, issuer: Issuer, into: int | None, **more: str) -> Iterator[Service]:
    functions = functions_of(tmp_path, FILES)
    with annex("serve", tmp_path, environment(issuer, NO_DATABASE, functions, **more), into=into) as service:
        yield service


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: the end that is read, which nobody does by himself, and the one that is written."""
    read, write = os.pipe()
    yield read, write
    for end in (read, write):
        with contextlib.suppress(OSError):
            os.close(end)


def fill(service: Service) -> None:
    """Cause more lines than a pipe holds, of each kind: printed to both streams, and logged."""
    with httpx.Client(base_url=service.url, timeout=10) as http:
        for stream in ("stdout", "stderr"):
            assert http.get("/printing", params={"to": stream}).status_code == 200
        for _ in range(10):
            assert http.get("/failing").status_code == 500


def stand_still(service: Service) -> None:
    """Hold the loop from now on."""
    with socket.create_connection(("127.0.0.1", service.port)) as caller:
        caller.sendall(b"GET /standing?seconds=300 HTTP/1.1\r\nHost: annex\r\n\r\n")
        time.sleep(0.5)  # a caller who leaves at once is not served


def is_alive(service: Service) -> bool:
    return httpx.get(f"{service.url}/health/live", timeout=10).status_code == 200


def everything(read: int) -> list[str]:
    """Return the lines that come until nobody can write any more."""
    with open(read, "rb") as out:
        return out.read().decode().splitlines()


def test_a_log_that_nobody_reads_stops_neither_the_service_nor_its_end(
    tmp_path: Path, issuer: Issuer, pipe: tuple[int, int]
):
    with serving(tmp_path, issuer, pipe[1]) as service:
        fill(service)
        assert is_alive(service)
        assert service.stop() == 0


def test_a_worker_that_stands_still_is_replaced_although_nobody_reads_the_log(
    tmp_path: Path, issuer: Issuer, pipe: tuple[int, int]
):
    with serving(tmp_path, issuer, pipe[1], ANNEX_HANG_TIMEOUT="2", ANNEX_STALL="0") as service:
        fill(service)
        stand_still(service)
        assert is_alive(service)
        assert service.stop() == 0


def test_a_stop_ends_a_process_that_stands_still_and_whose_log_nobody_reads(
    tmp_path: Path, issuer: Issuer, pipe: tuple[int, int]
):
    with serving(tmp_path, issuer, pipe[1], ANNEX_DRAIN_TIMEOUT="0", ANNEX_STALL="0") as service:
        fill(service)
        stand_still(service)
        assert service.stop() == 1


def test_a_crash_ends_a_process_whose_log_nobody_reads(tmp_path: Path, issuer: Issuer, pipe: tuple[int, int]):
    with serving(tmp_path, issuer, pipe[1], PYTHONFAULTHANDLER="1") as service:
        fill(service)
        assert service.stop(signal.SIGABRT) == -signal.SIGABRT


def test_lines_that_were_left_out_are_counted_once_the_log_is_read_again(
    tmp_path: Path, issuer: Issuer, pipe: tuple[int, int]
):
    read, write = pipe
    with serving(tmp_path, issuer, write) as service:
        os.close(write)
        with httpx.Client(base_url=service.url) as http:
            for _ in range(30):  # 9 MB, more than waits
                http.get("/printing", params={"to": "stdout"}, timeout=10)
        reader = threading.Thread(target=lambda: lines.extend(everything(os.dup(read))))
        lines: list[str] = []
        reader.start()
        until(lambda: is_alive(service))
        assert service.stop() == 0
        reader.join(30)
    printed = sum(line.startswith("xxx") for line in lines)
    told = [json.loads(line) for line in lines if "log lines were dropped here" in line]
    assert printed + sum(line["left_out"] for line in told) >= 30
    assert told[0]["level"] == "error"


def closed_by_its_reader(tmp_path: Path) -> int:
    read, write = os.pipe()
    os.close(read)
    return write


def full(tmp_path: Path) -> int:
    return os.open("/dev/full", os.O_WRONLY)


def non_blocking(tmp_path: Path) -> int:
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETFD, 0)
    os.set_blocking(write, False)
    os.dup(read)  # stays open, and is not read
    return write


@pytest.mark.parametrize("output", [closed_by_its_reader, full, non_blocking])
def test_an_output_that_takes_nothing_costs_the_lines_alone(tmp_path: Path, issuer: Issuer, output):
    into = output(tmp_path)
    with serving(tmp_path, issuer, into) as service:
        fill(service)
        assert is_alive(service)
        assert service.stop() == 0
    os.close(into)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_process_that_is_given_no_output_serves_and_ends_with_0(
    tmp_path: Path, issuer: Issuer, closed: str
):
    settings = environment(issuer, NO_DATABASE, functions_of(tmp_path, FILES), PORT=str(free_port()))
    program = Path(sys.executable).with_name("annex")
    with subprocess.Popen(
        ["/bin/sh", "-c", f'exec "$0" serve {closed}', program], env={"PATH": os.environ["PATH"], **settings}
    ) as process:
        log = tmp_path / "none"
        log.touch()
        service = Service(process, int(settings["PORT"]), log)
        try:
            service.wait_until_up()
            fill(service)
            assert service.stop(signal.SIGTERM) == 0
        finally:
            process.kill()


def test_a_start_that_is_refused_ends_although_nobody_reads_why(
    tmp_path: Path, issuer: Issuer, pipe: tuple[int, int]
):
    functions = functions_of(
        tmp_path, {f"broken_{number}.py": "import nothing_at_all\n" for number in range(400)}
    )
    strict = environment(issuer, NO_DATABASE, functions, ANNEX_STRICT="true")
    with annex("serve", tmp_path, strict, into=pipe[1], wait=False) as refused:
        assert refused.process.wait(60) == 1


def test_every_line_of_a_service_that_is_read_is_there_at_its_end_in_order(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer, None) as service:
        httpx.get(f"{service.url}/telling?number=500")
        assert service.stop() == 0
    told = [line.partition("told ")[2] for line in service.log.splitlines() if "told " in line]
    assert [int(text.partition('"')[0]) for text in told] == list(range(1000))
    assert "lines were dropped" not in service.log


def test_a_function_that_takes_output_and_modules_away_costs_its_neighbours_nothing(
    tmp_path: Path, issuer: Issuer
):
    with serving(tmp_path, issuer, None) as service:
        assert httpx.get(f"{service.url}/closing").status_code == 200
        assert httpx.get(f"{service.url}/failing").status_code == 500
        until(lambda: "put back" in service.log)
        assert httpx.get(f"{service.url}/printing?to=stdout").status_code == 200
        until(lambda: "xxx" in service.log)
    lines = [json.loads(line) for line in service.log.splitlines() if line.startswith("{")]
    (said,) = [line for line in lines if "put back" in line["message"]]
    assert "sys.stdout" in said["message"]
    assert "the loaded modules (sys.modules)" in said["message"]
    assert any(line["message"] == "unhandled exception" for line in lines)

"""The service as the first process of a bare container, made of namespaces and limits, without an engine."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import PATIENCE, free_port, until

pytestmark = pytest.mark.timeout(300)

ANNEX = Path(sys.executable).with_name("annex")
NOBODY = "unshare --user --map-user=4711 --map-group=4711"
LIMITS = "prlimit --nofile=64:64 --as=1000000000"
SETUP = f"""
set -e
ip link set lo up
for each in all default lo; do echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; done
mount -t tmpfs -o size=64k none "$FULL"
cat /dev/zero > "$FULL/all" 2>/dev/null || true
mkdir "$FULL/../gone" && cd "$FULL/../gone" && rmdir "$FULL/../gone"
mount -o remount,ro,bind /
exec {NOBODY} {LIMITS} "$0" serve
"""
ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())"
HELLO = '''"""Hello."""

import os

from runtime import Function

config = Function(public=True)


async def get() -> list[int]:
    """Say who runs this."""
    return [os.getuid(), os.getpid()]
'''


class Container:
    """The first process of namespaces of its own.

    Attributes:
        process: as it is known outside.
        outer: what made the namespaces; it ends with the status of the first process.
    """

    def __init__(self, outer: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.outer = outer
        self._port = port
        self._log = log
        until(lambda: psutil.Process(outer.pid).children() or outer.poll() is not None)
        self.process = psutil.Process(outer.pid).children()[0]

    @property
    def log(self) -> str:
        """Everything written so far."""
        return self._log.read_text("utf-8", "replace")

    def ask(self, path: str) -> str:
        """Return what is answered inside, nothing where nobody answers."""
        inside = ["nsenter", "--net", "--target", str(self.process.pid), sys.executable, "-c", ASK]
        told = subprocess.run(
            [*inside, f"http://127.0.0.1:{self._port}{path}"], capture_output=True, text=True, check=False
        )
        return told.stdout.strip()


@contextlib.contextmanager
def container(tmp_path: Path, issuer: Issuer, namespaces: list[str], *command: str) -> Iterator[Container]:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "prlimit", "ip", "mount"))):
        pytest.skip("NOT TESTED: the service in namespaces needs root and util-linux")
    functions = functions_of(tmp_path, {"hello.py": HELLO})
    (tmp_path / "full").mkdir()
    port = free_port()
    chosen = environment(issuer, "postgresql://app@127.0.0.1:1/app", functions, ANNEX_DRAIN_DELAY="0")
    strange = {
        "TZ": "../garbage",
        "LC_ALL": "C",
        "TMPDIR": str(tmp_path / "full"),
        "FULL": str(tmp_path / "full"),
    }
    given = {**chosen, **strange, "PATH": os.environ["PATH"], "PORT": str(port)}
    log = tmp_path / "log"
    with log.open("wb") as out:
        outer = subprocess.Popen(
            ["unshare", "--fork", "--kill-child", *namespaces, *command], env=given, stdout=out, stderr=out
        )
    try:
        yield Container(outer, port, log)
    finally:
        outer.kill()
        outer.wait()


def test_it_serves_renews_and_stops_as_process_1_where_nothing_can_be_written(tmp_path: Path, issuer: Issuer):
    """Read-only root, full disk, no home, no folder, a user without a name, 64 descriptors, 1 GB, no IPv6."""
    namespaces = ["--pid", "--mount", "--net", "--mount-proc"]
    with container(tmp_path, issuer, namespaces, "sh", "-c", SETUP, str(ANNEX)) as inside:
        until(lambda: inside.ask("/hello") or inside.outer.poll() is not None)
        first = inside.ask("/hello")
        inside.process.send_signal(1)
        until(lambda: inside.ask("/hello") not in {"", first})
        renewed = inside.ask("/hello")
        inside.process.terminate()
        status = inside.outer.wait(PATIENCE)
        log = inside.log
    assert first.startswith("[4711,"), log
    assert renewed.startswith("[4711,"), log
    assert "replacing all workers" in log
    assert status == 0, log


def test_process_1_hears_a_stop_that_comes_before_it_serves(tmp_path: Path, issuer: Issuer):
    """The kernel drops a signal that the first process of a container has neither blocked nor handled."""
    with container(tmp_path, issuer, ["--pid", "--mount-proc"], str(ANNEX), "serve") as inside:
        until(lambda: holds_sigterm(inside.process.pid))
        inside.process.terminate()
        status = inside.outer.wait(PATIENCE)
        log = inside.log
    assert status == 0, log
    assert "the service has stopped" in log


def holds_sigterm(process: int) -> bool:
    """Whether SIGTERM is blocked, as it is from the command's first lines on, or handled."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(mask & 1 << 14 for mask in masks)

"""Ours and the peers as processes on a core of their own, and what each has taken of the machine."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

from benchmarks.cases import multiply

HERE = Path(__file__).parent
PEERS = Path(tempfile.gettempdir()) / "annex-bench-peers"
NEXT = Path(tempfile.gettempdir()) / "annex-bench-next"
OURS = "ours"
NEXT_PEER = "nextjs"
GRANIAN_PEER = "fastapi_stack_granian"
CLERK_APP = {  # what Clerk's SDK for Next.js wants to start; no request goes there
    "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY": "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
    "CLERK_SECRET_KEY": "sk_live_peer",
    "NEXT_TELEMETRY_DISABLED": "1",
}
BATCHES = {"OTEL_BSP_SCHEDULE_DELAY": "2000"}  # the peers', as ours has it, which refuses the variable
LIBRARIES = ("uvicorn", "uvloop", "httptools", "litestar", "fastapi", "asyncpg", "opentelemetry-sdk")


class Memory(NamedTuple):
    """In MB. `shared` counts a page that several processes have as a part of one (PSS), `resident` as a whole."""

    resident: float
    shared: float


class Server:
    """One server that runs.

    Attributes:
        start_cpu: processor seconds until its first answer.
        start_wall: seconds until then.
        start_memory: what it had when it gave it.
    """

    def __init__(self, port: int, process: psutil.Process, start_wall: float) -> None:
        self.port = port
        self.pid = process.pid
        self._process = process
        self.start_wall = start_wall
        self.start_cpu = self.processor_seconds()
        self.start_memory = self.memory()

    def processor_seconds(self) -> float:
        """Return what a busy neighbour cannot change, unlike requests a second."""
        return sum(sum(each.cpu_times()[:2]) for each in self._family())

    def memory(self) -> Memory:
        """Return what it holds now."""
        all_of_it = [each.memory_full_info() for each in self._family()]
        return Memory(
            sum(each.rss for each in all_of_it) / 2**20, sum(each.pss for each in all_of_it) / 2**20
        )

    def _family(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


@contextlib.contextmanager
def server(
    name: str,
    environment: Mapping[str, str],
    *,
    cores: Sequence[int],
    workers: int = 1,
    functions: Path = HERE / "functions",
    more: int = 0,
) -> Iterator[Server]:
    """Run one server for the length of the block.

    Args:
        name: `ours`, or a file of `peers/`.
        environment: settings, those of ours and of the stack.
        cores: where it may run.
        workers: how many processes serve, where the server has such.
        functions: the folder that ours serves.
        more: further functions that ours has.
    """
    port = free_port()
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    with tempfile.TemporaryDirectory() as folder:
        served = Path(folder) / "functions"
        if name == OURS:
            shutil.copytree(functions, served)
            multiply(served, more)
        began = time.monotonic()
        process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), *_command(name, port, workers)],
            env={
                **kept,
                **environment,
                **({} if name == OURS else BATCHES),
                **({"ANNEX_FUNCTIONS": str(served), "ANNEX_WORKERS": str(workers)} if name == OURS else {}),
                **(CLERK_APP if name == NEXT_PEER else {}),
                "PORT": str(port),
                "ANNEX_SPARE": "false",  # it would wait, and count
                "ROBYN_HOST": "127.0.0.1",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(port, process)
            yield Server(port, psutil.Process(process.pid), time.monotonic() - began)
        finally:
            _stop(process)


def prepare_peers() -> None:
    """Install what the peers run on, unless it is there."""
    if not (PEERS / "bin/granian").exists():
        print("installing the peers", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        pip = [str(PEERS / "bin/python"), "-m", "pip", "install", "-q", "-r", str(HERE / "peers.txt")]
        subprocess.run(pip, check=True)
    if not (NEXT / ".next/BUILD_ID").exists():
        print("building the Next.js app", file=sys.stderr)
        shutil.copytree(HERE / "peers/nextjs", NEXT, dirs_exist_ok=True)
        environment = {**os.environ, **CLERK_APP}
        for command in (["npm", "install", "--no-audit", "--no-fund"], ["npx", "next", "build"]):
            subprocess.run(command, cwd=NEXT, env=environment, stdout=subprocess.DEVNULL, check=True)


def versions(python: str | Path) -> dict[str, str]:
    """Return which libraries the interpreter's environment has."""
    code = (
        "import importlib.metadata as m, json, sys; "
        "print(json.dumps({d.name: d.version for d in m.distributions() if d.name in sys.argv}))"
    )
    said = subprocess.run([python, "-c", code, *LIBRARIES], capture_output=True, text=True, check=True)
    return dict(sorted(json.loads(said.stdout).items()))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(name: str, port: int, workers: int) -> list[str]:
    several = ["--workers", str(workers)]
    if name == OURS:
        return [str(Path(sys.executable).with_name("annex")), "serve"]
    if name == NEXT_PEER:
        return ["node", str(NEXT / "node_modules/next/dist/bin/next"), "start", str(NEXT)]
    if name == "robyn_bare":
        return [str(PEERS / "bin/python"), str(HERE / "peers/robyn_bare.py")]
    if name == GRANIAN_PEER:
        flags = ["--interface", "asgi", "--loop", "uvloop", "--working-dir", str(HERE), "--port", str(port)]
        return [str(PEERS / "bin/granian"), *flags, *several, "peers.fastapi_stack:app"]
    flags = ["--no-access-log", "--loop", "uvloop", "--http", "httptools", "--port", str(port)]
    return [str(PEERS / "bin/uvicorn"), f"peers.{name}:app", "--app-dir", str(HERE), *flags, *several]


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(6000):
        if process.poll() is not None:
            raise SystemExit(f"a server ended at once: {process.args!r}")
        try:
            urlopen(f"http://127.0.0.1:{port}/items/7", timeout=10).close()
        except HTTPError:
            return  # a 401 is an answer
        except (OSError, HTTPException):
            time.sleep(0.01)
        else:
            return
    raise SystemExit("a server did not come up")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

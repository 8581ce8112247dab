"""Ours and the peers in one run, interleaved, server and load on separate cores; ratios, not bare numbers.

``make bench`` runs it. It needs `wrk` (Debian's package) and two cores. The peers get an environment of their own.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from benchmarks.cases import CASES, ORIGIN, Case, multiply, script
from runtime.dev.example_app.seed import DATABASE, ROLE, seed
from runtime.dev.postgres import embedded
from tests.fixtures.clerk import Issuer

HERE = Path(__file__).parent
PEERS = Path(tempfile.gettempdir()) / "annex-bench-peers"
SERVER_CORE, LOAD_CORE = "0", "1"


class Figures(NamedTuple):
    """Of one server in one case: requests a second, processor time a request (µs), memory (MB)."""

    speed: float
    spent: float
    memory: float


class Sink(BaseHTTPRequestHandler):
    """A collector that accepts everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=4, help="per measurement")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--only", help="cases whose name contains this")
    given = options.parse_args()
    if not shutil.which("wrk"):
        sys.exit("make bench needs wrk: apt-get install wrk")
    peers = prepare_peers()
    issuer = Issuer()
    cases = [case for case in CASES if not given.only or given.only in case.name]
    with collector() as endpoint, database() as url:
        environment = {
            "ANNEX_ENV": "production",
            "CLERK_JWT_KEY": issuer.pem,
            "CORS_ORIGINS": ORIGIN,
            "DATABASE_URL": url,
            "PLAIN_DATABASE_URL": url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "HOST": "127.0.0.1",
        }
        results = {case.name: measure(case, given, environment, issuer, peers) for case in cases}
    report(results)


def measure(
    case: Case, given: argparse.Namespace, environment: dict[str, str], issuer: Issuer, peers: Path
) -> dict[str, Figures]:
    """Return each server's figures, medians of the rounds."""
    rounds: dict[str, list[Figures]] = {}
    for _ in range(given.rounds):
        for name in ("ours", *case.peers):
            with server(name, case, environment, peers) as (port, process):
                token = issuer.token(exp=int(time.time()) + 3600)
                load(case, port, token, 1, given.connections)
                before = processor_seconds(process)
                speed, total = load(case, port, token, given.seconds, given.connections)
                spent = (processor_seconds(process) - before) / total * 1e6
                figures = Figures(speed, spent, process.memory_info().rss / 2**20)
                rounds.setdefault(name, []).append(figures)
    return {name: Figures(*map(statistics.median, zip(*each, strict=True))) for name, each in rounds.items()}


def processor_seconds(process: psutil.Process) -> float:
    """What a busy neighbour cannot change, unlike requests a second."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in family)


def load(case: Case, port: int, token: str, seconds: float, connections: int) -> tuple[float, int]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script(case, token))
        lua.flush()
        command = [
            "taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
            "-s", lua.name, f"http://127.0.0.1:{port}{case.path}",
        ]  # fmt: skip
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    speed, wrong, errors, total = re.findall(r"RESULT (\S+) (\d+) (\d+) (\d+)", shown)[0]
    if int(wrong) or int(errors) or not int(total):
        raise SystemExit(f"{case.name}: {wrong} wrong answers, {errors} errors of {total}\n{shown}")
    return float(speed), int(total)


@contextlib.contextmanager
def server(
    name: str, case: Case, environment: dict[str, str], peers: Path
) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        if name == "ours":
            functions = Path(folder) / "functions"
            shutil.copytree(HERE / "functions", functions)
            multiply(functions, case.functions)
            command = [str(Path(sys.executable).with_name("annex")), "serve"]
            environment = {**environment, "ANNEX_FUNCTIONS": str(functions)}
        elif name == "robyn_bare":
            command = [str(peers / "bin/python"), str(HERE / "peers/robyn_bare.py")]
        else:
            flags = ["--no-access-log", "--loop", "uvloop", "--http", "httptools", "--port", str(port)]
            command = [str(peers / "bin/uvicorn"), f"peers.{name}:app", "--app-dir", str(HERE), *flags]
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *command],
            env={**kept, **environment, "PORT": str(port), "ROBYN_HOST": "127.0.0.1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait(port, process)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"a server ended at once: {process.args}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            with contextlib.suppress(URLError, OSError):
                urlopen(f"http://127.0.0.1:{port}/nothing", timeout=2).close()
            return
        time.sleep(0.1)
    raise SystemExit("a server did not come up")


def prepare_peers() -> Path:
    if not (PEERS / "bin/uvicorn").exists():
        print("installing the peers", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        pip = [str(PEERS / "bin/python"), "-m", "pip", "install", "-q", "-r", str(HERE / "peers.txt")]
        subprocess.run(pip, check=True)
    return PEERS


@contextlib.contextmanager
def collector() -> Iterator[str]:
    sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    Thread(target=sink.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{sink.server_port}"
    sink.shutdown()


@contextlib.contextmanager
def database() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="annex-bench-") as folder,
        embedded(Path(folder), settings={"fsync": "off"}) as postgres,
    ):
        password = (postgres.folder / "password").read_text("utf-8")
        asyncio.run(seed(postgres.socket_url(), password=password))
        yield postgres.url(DATABASE, ROLE, password)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def report(results: dict[str, dict[str, Figures]]) -> None:
    """Print a table a case: ratios are of processor time a request, which neighbours do not change."""
    for case, row in results.items():
        print(f"\n{case}")
        cheapest, ours = min(each.spent for each in row.values()), row["ours"]
        for name, each in sorted(row.items(), key=lambda entry: entry[1].spent):
            bar = "█" * round(32 * cheapest / each.spent)
            ratio = f"ours {each.spent / ours.spent:>5.2f} x"
            print(
                f"  {name:<15} {each.spent:>7.1f} µs {each.speed:>8,.0f}/s {each.memory:>4.0f} MB  {ratio}  {bar}"
            )
    Path(tempfile.gettempdir(), "annex-bench.json").write_text(json.dumps(results, indent=2), "utf-8")


if __name__ == "__main__":
    main()

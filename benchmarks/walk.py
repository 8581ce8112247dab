"""One request through a whole application, in this process and without a socket: microseconds, or instructions.

A busy neighbour slows a socket down and moves requests a second about; processor time suffers less, and what
`valgrind --tool=callgrind` counts not at all. So this is what a step is judged by, and `run.py` what a release is.

``python benchmarks/walk.py ours`` prints µs a request of ours, everything on; ``peers.fastapi_bare:app``, with
the peers' interpreter, that of a peer; ``--instructions`` counts instead. ``--profile`` prints where ours goes.
"""

import argparse
import asyncio
import cProfile
import gc
import importlib
import io
import os
import pstats
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = Path(__file__).parent
ORIGIN = "https://app.example.com"
LOG = io.StringIO()
FEW, MANY = 1000, 4000  # requests whose difference in instructions is that of three thousand

REQUESTS = {
    "get": ("GET /items/7 HTTP/1.1", "", 200),
    "nested": ("GET /nested HTTP/1.1", "", 200),
    "post": ("POST /items HTTP/1.1", '{"id": 7, "name": "SPY"}', 200),
    "no token": ("GET /items/7 HTTP/1.1", "", 401),
    "preflight": ("OPTIONS /items HTTP/1.1", "", 204),
}


class Pipe(asyncio.Transport):
    """What a server believes to be a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000)}.get(name, default)

    def write(self, data: bytes) -> None:  # type: ignore[override]  # bytes is all that comes
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing is read."""

    resume_reading = close = abort = pause_reading


def asked(case: str, token: str) -> bytes:
    """Return the bytes of a request, with the header fields that wrk sends in `run.py`."""
    line, body, _ = REQUESTS[case]
    fields = {"Host": "127.0.0.1:8000", "Origin": ORIGIN}
    if case == "preflight":
        fields |= {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    elif case != "no token":
        fields["Authorization"] = f"Bearer {token}"
    if body:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{line}\r\n{head}\r\n{body}".encode()


async def ask(connection: Any, pipe: Pipe, request: bytes, times: int) -> None:
    """Send `request` so many times, one after the other."""
    state = connection.server_state
    for answered in range(state.total_requests, state.total_requests + times):
        pipe.written.clear()
        connection.data_received(request)
        while not (state.total_requests > answered and pipe.written):  # noqa: ASYNC110  # a server's own
            await asyncio.sleep(0)


async def measure(config: Any, options: argparse.Namespace, token: str, settle: Callable[[], object]) -> None:
    """Print the cost of each case; `settle` returns once nothing is left to do for past requests."""
    from uvicorn.server import ServerState

    if not config.loaded:
        config.load()
    for case in [options.case] if options.case else REQUESTS:
        pipe, request, status = Pipe(), asked(case, token), REQUESTS[case][2]
        connection = config.http_protocol_class(config=config, server_state=ServerState(), app_state={})
        connection.connection_made(pipe)
        if options.count:
            gc.disable()  # one collection more or less would be half of all that is counted
            await ask(connection, pipe, request, options.count)
            return
        await ask(connection, pipe, request, 500)
        answered = int(b"".join(pipe.written).split()[1])
        if answered != status and {answered, status} != {200, 204}:
            print(f"{case:12} answered {answered}")
            continue
        if options.profile:
            with cProfile.Profile() as profile:
                await ask(connection, pipe, request, 3000)
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
            continue
        best = 1e9
        for _ in range(options.rounds):
            gc.collect()
            began = time.process_time()
            await ask(connection, pipe, request, options.requests)
            settle()  # spans that still wait would look cheap
            best = min(best, (time.process_time() - began) / options.requests * 1e6)
        print(f"{case:12} {best:7.1f} µs")


def environment(public_key: str) -> dict[str, str]:
    """Return the variables under which ours is measured: production, everything on."""
    return {
        "ANNEX_ENV": "production",
        "CLERK_JWT_KEY": public_key,
        "CORS_ORIGINS": ORIGIN,
        "ANNEX_FUNCTIONS": str(HERE / "functions"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": os.environ.get("COLLECTOR", ""),
        "ANNEX_ACCESS_LOG_RATE": os.environ.get("ANNEX_ACCESS_LOG_RATE", "50"),
    }


async def ours(options: argparse.Namespace) -> None:
    """Measure Annex as production has it, sending its spans to a collector of another process."""
    from runtime.app import create_app
    from runtime.server.connection.protocol import protocol
    from runtime.server.listener import ConnectionLimits, Listener
    from runtime.server.process import config
    from runtime.settings import load
    from runtime.telemetry import configure_logging
    from tests.fixtures.clerk import Issuer

    issuer = Issuer(key=signing_key())
    settings = load(environment(issuer.pem))
    configure_logging(settings.telemetry, production=True, stream=LOG)
    application = create_app(settings)
    async with application.running():
        listener = Listener(ConnectionLimits(connections=1000))
        token = issuer.token(exp=int(time.time()) + 3600)
        served = config(application, settings, protocol(listener))
        flush = getattr(application.telemetry.tracer_provider, "force_flush", int)
        await measure(served, options, token, flush)


async def peer(options: argparse.Namespace) -> None:
    """Measure a peer, for which any token will do unless it has CLERK_JWT_KEY."""
    import uvicorn
    from opentelemetry import trace

    sys.path.insert(0, str(HERE))
    module, _, name = options.app.partition(":")
    app = getattr(importlib.import_module(module), name)
    config = uvicorn.Config(app, http="httptools", access_log=False, log_level="warning", lifespan="off")
    flush = getattr(trace.get_tracer_provider(), "force_flush", int)
    await measure(config, options, os.environ.get("TOKEN", "x" * 700), flush)


def signing_key() -> Any:
    """Return the private key in KEY, None without one."""
    text = os.environ.get("KEY")
    return text and serialization.load_pem_private_key(text.encode(), None)


def instructions(options: argparse.Namespace) -> None:
    """Print how many instructions a request takes, the same on every run of the same code."""
    # One key for all runs: how long it takes to find a key's primes is chance.
    os.environ["KEY"] = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )
    for case in [options.case] if options.case else REQUESTS:
        few, many = (_counted(options.app, case, times) for times in (FEW, MANY))
        print(f"{case:12} {(many - few) / (MANY - FEW) / 1000:7.1f} thousand instructions", flush=True)


def _counted(app: str, case: str, times: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command = [*valgrind, sys.executable, __file__, app, "--case", case, "--count", str(times)]
        # A second lasts too long under valgrind for "so many lines a second" to hold anything back.
        surroundings = {
            **os.environ,
            "ANNEX_ACCESS_LOG_RATE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(HERE.parent),
        }
        told = subprocess.run(command, capture_output=True, text=True, env=surroundings, check=False).stderr
    return int(re.findall(r"Collected : (\d+)", told)[0])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("app", help="ours, or module:name of a peer")
    options.add_argument("--case", choices=REQUESTS)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--requests", type=int, default=1500, help="fewer than spans may wait")
    options.add_argument("--count", type=int, default=0, help="only send so many requests")
    options.add_argument("--instructions", action="store_true")
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    if given.instructions:
        instructions(given)
        return
    import uvloop

    uvloop.run(ours(given) if given.app == "ours" else peer(given))


if __name__ == "__main__":
    main()

"""What each stage and step of docs/walk.md costs a request, in microseconds of processor time, one after the other.

``python -m benchmarks.stages`` measures in process and without a socket, as `walk.py` does, with everything on that the
settings of production switch on; COLLECTOR names a collector, so that spans are recorded, encoded and sent too.
"""

import gc
import io
import time
from collections.abc import Callable
from typing import Any

import uvicorn
import uvloop
from uvicorn.server import ServerState

from benchmarks.walk import Pipe, ask, asked, environment
from runtime.app import Application, create_app
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.asgi.stages import Stage, Stages, fold
from runtime.config import Endpoint
from runtime.routing import TreeApp
from runtime.server.connection.protocol import protocol
from runtime.server.listener import ConnectionLimits, Listener
from runtime.server.process import config
from runtime.settings import load
from runtime.telemetry import configure_logging
from tests.fixtures.clerk import Issuer

ROUNDS, REQUESTS = 9, 1500
ANSWER = b'{"id":7,"name":"SPY"}'
HEAD = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"content-length", str(len(ANSWER)).encode()),
]


async def trivial(scope: Scope, receive: Receive, send: Send) -> None:  # an ASGI application
    """Answer as the function would, and do nothing else."""
    await send({"type": "http.response.start", "status": 200, "headers": list(HEAD)})
    await send({"type": "http.response.body", "body": ANSWER, "more_body": False})


def routed(application: Application, steps: int) -> ASGIApp:
    """Return the application with `trivial`, behind so many steps of each route, in place of every function."""

    def stage(endpoint: Endpoint) -> Stage:
        return lambda _: fold(first(application.steps(endpoint), steps), trivial)

    app: Any = TreeApp(application.table.tree(stage))
    return fold(application.stages(), app)


def first(stages: Stages, number: int) -> Stages:
    """Return the first stages of a list, without those that are not asked for."""
    asked = [(name, stage) for name, stage in stages.items() if stage]
    return dict(asked[:number])


async def main() -> None:
    """Print the cost of each stage and of all so far."""
    issuer = Issuer()
    settings = load(environment(issuer.pem))
    configure_logging(settings.telemetry, production=True, stream=io.StringIO())
    application: Any = create_app(settings)
    async with application.running():
        served = config(application, settings, protocol(Listener(ConnectionLimits())))
        served.load()
        theirs = uvicorn.Config(application, http="httptools", log_config=None)
        theirs.load()
        request = asked("get", issuer.token(exp=int(time.time()) + 3600))
        flush = getattr(application.telemetry.tracer_provider, "force_flush", int)
        before = 0.0

        async def tell(stage: str, app: ASGIApp, config: Any = served) -> None:
            nonlocal before
            config.app = config.loaded_app = app
            spent = await cost(config, request, flush)
            print(f"{stage:24} {spent - before:6.1f} {spent:6.1f}")
            before = spent

        print(f"{'':24} {'stage':>6} {'so far':>6}")
        await tell("uvicorn alone", trivial, theirs)
        await tell("connection limits, heads", trivial)
        stages = first(application.stages(), 100)
        for number, name in enumerate(stages, 1):
            await tell(name, fold(first(stages, number), trivial))
        await tell("router", routed(application, 0))
        steps = first(application.steps(application.table.find("GET", "/items/7")[0].endpoint), 100)
        for number, name in enumerate(steps, 1):
            await tell(name, routed(application, number))
        await tell("function", application)


async def cost(config: Any, request: bytes, flush: Callable[[], object]) -> float:
    """Return microseconds a request, of the best round."""
    pipe, best = Pipe(), 1e9
    connection = config.http_protocol_class(config=config, server_state=ServerState(), app_state={})
    connection.connection_made(pipe)
    await ask(connection, pipe, request, 300)
    if b"".join(pipe.written)[9:12] != b"200":
        raise SystemExit(f"not answered: {pipe.written}")
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        await ask(connection, pipe, request, REQUESTS)
        flush()
        best = min(best, (time.process_time() - began) / REQUESTS * 1e6)
    return best


if __name__ == "__main__":
    uvloop.run(main())

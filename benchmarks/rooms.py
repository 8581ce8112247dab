"""What each room of the walk costs a request, in microseconds of processor time: room after room is put on top.

``python -m benchmarks.rooms`` measures in process and without a socket, as `walk.py` does, with everything on that the
settings of production switch on; COLLECTOR names a collector, so that spans are recorded, encoded and sent too.
"""

import gc
import io
import time
from collections.abc import Callable
from typing import Any

import uvloop
from litestar.datastructures import State
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from benchmarks.walk import Pipe, ask, asked, environment
from runtime.app import Application, create_app
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.http.problems import Problems
from runtime.routing import TreeApp
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


def routed(application: Application, door: Callable[[ASGIApp], ASGIApp]) -> ASGIApp:
    """Return the application's router, with `trivial` in the place of every function."""
    app: Any = TreeApp(
        application.table.handlers,
        middleware=lambda _: door(trivial),
        state=State({"database": application.database, "agents": application.agents}),
        openapi_config=None,
        logging_config=None,
    )
    return Problems(app)


async def main() -> None:
    """Print the cost of each room and of all so far."""
    issuer = Issuer()
    settings = load(environment(issuer.pem))
    configure_logging(settings.telemetry, production=True, stream=io.StringIO())
    application: Any = create_app(settings)
    async with application.running():
        served = config(application, settings, Listener(ConnectionLimits()))
        served.load()
        request = asked("get", issuer.token(exp=int(time.time()) + 3600))
        flush = getattr(application.telemetry.tracer_provider, "force_flush", int)
        before = 0.0

        async def tell(room: str, app: ASGIApp, protocol: Any = served.http_protocol_class) -> None:
            nonlocal before
            served.loaded_app = app
            spent = await cost(protocol, served, request, flush)
            print(f"{room:24} {spent - before:6.1f} {spent:6.1f}")
            before = spent

        shell, router = application.shell, application.router
        tracing = shell.app
        preflights = tracing._app  # noqa: SLF001  # the walk is taken apart here
        print(f"{'':24} {'room':>6} {'so far':>6}")
        await tell("uvicorn alone", trivial, HttpToolsProtocol)
        await tell("connection limits, heads", trivial)
        shell.app = trivial
        await tell("shell", application)
        shell.app, tracing._app = tracing, trivial  # noqa: SLF001  # likewise
        await tell("tracing", application)
        tracing._app = preflights  # noqa: SLF001  # likewise
        application.router = routed(application, lambda app: app)
        await tell("preflights, router", application)
        application.router = routed(application, lambda app: application.gate(Problems(app)))
        await tell("gate with auth", application)
        application.router = router
        await tell("function", application)


async def cost(protocol: Any, served: Any, request: bytes, flush: Callable[[], object]) -> float:
    """Return microseconds a request, of the best round."""
    pipe, best = Pipe(), 1e9
    connection = protocol(config=served, server_state=ServerState(), app_state={})
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

"""What the server takes of uvicorn: a release that changes it fails here, and tells what has changed."""

import ast
import asyncio
import inspect
import signal
import socket
from typing import Any

import uvicorn

from runtime.server import process
from tests.fixtures.listening import until


class Caller(asyncio.Protocol):
    """A connection that leaves when it is told to shut down."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.state = given["server_state"]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.state.connections.discard(self)

    def shutdown(self) -> None:
        self.transport.close()


async def app(scope, receive, send):
    """Live as long as the server."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def server(made: list[Caller]) -> uvicorn.Server:
    def connect(**given: Any) -> Caller:
        made.append(Caller(given))
        return made[-1]

    http: Any = connect
    return uvicorn.Server(uvicorn.Config(app, http=http, lifespan="on", log_config=None))


async def test_every_connection_is_made_with_the_same_arguments_and_told_of_the_end():
    made: list[Caller] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        served = server(made)
        serving = asyncio.create_task(served.serve(sockets=[listening]))
        streams = [await asyncio.open_connection(*listening.getsockname()) for _ in range(2)]
        await until(lambda: len(made) == 2)
        served.should_exit = True
        for reader, writer in streams:
            assert await reader.read() == b""
            writer.close()
        await serving
    first, second = (each.given for each in made)
    assert first == second
    assert {*first} == {"config", "server_state", "app_state", "_loop"}


async def test_its_signal_handlers_are_set_in_its_first_step_and_what_was_set_before_hears_of_the_signal():
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        serving = asyncio.create_task(server([]).serve(sockets=[]))
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
        await serving
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_nothing_of_its_server_is_used_but_two_public_names():
    tree = ast.parse(inspect.getsource(process))
    used = {
        each.attr
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Attribute)
        and each.value.attr == "_uvicorn"
    }
    assert used == {"serve", "should_exit"}
    assert not issubclass(process.Server, uvicorn.Server)

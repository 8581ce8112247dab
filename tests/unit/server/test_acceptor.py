"""Every connection that waits is accepted, on the loop that the service runs on."""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from runtime.server.acceptor import Acceptor

CROWD = 100


class Connections:
    """Who came in."""

    def __init__(self) -> None:
        self.inside: list[asyncio.BaseTransport] = []

    def __call__(self) -> asyncio.Protocol:
        connections = self

        class Connection(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                connections.inside.append(transport)

        return Connection()


def crowd(listener: socket.socket, number: int, held: ExitStack) -> None:
    """Connect so many; the kernel keeps them until they are accepted."""
    for _ in range(number):
        held.enter_context(socket.create_connection(listener.getsockname()))


@asynccontextmanager
async def opened(connections: Connections) -> AsyncIterator[tuple[socket.socket, Acceptor]]:
    """Listen as the service does: the loop's server and the acceptor on one socket."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=CROWD)
    server = await asyncio.get_running_loop().create_server(connections, sock=listener)
    beside = Acceptor(server.sockets, connections)
    try:
        yield listener, beside
    finally:
        await beside.close()
        server.close()
        for connection in connections.inside:
            connection.close()
        await server.wait_closed()
        listener.close()


async def turns_until(condition: Callable[[], bool], most: int) -> int:
    """Return after how many turns of the loop `condition` holds, `most` if it does not."""
    for turn in range(most):
        if condition():
            return turn
        await asyncio.sleep(0)
    return most


def test_a_crowd_comes_in_within_a_few_turns_of_the_loop():
    async def arrive() -> int:
        connections = Connections()
        async with opened(connections) as (listener, _):
            with ExitStack() as held:
                crowd(listener, CROWD, held)
                return await turns_until(lambda: len(connections.inside) == CROWD, most=CROWD)

    assert uvloop.run(arrive()) < CROWD // 4


def test_no_connection_is_accepted_after_the_listener_was_closed():
    async def arrive_late() -> tuple[list[Any], bool]:
        connections = Connections()
        async with opened(connections) as (listener, beside):
            address = listener.getsockname()
            await beside.close()
        try:
            socket.create_connection(address).close()
        except ConnectionRefusedError:
            return connections.inside, True
        return connections.inside, False

    assert uvloop.run(arrive_late()) == ([], True)


def test_what_was_accepted_is_served_although_the_listener_is_closed():
    async def close_upon_a_crowd() -> tuple[int, int]:
        connections = Connections()
        async with opened(connections) as (listener, beside):
            with ExitStack() as held:
                crowd(listener, CROWD, held)
                await asyncio.sleep(0)  # one turn, in which they are accepted
                await beside.close()
                closed = len(connections.inside)
                await asyncio.sleep(0.05)
                return closed, len(connections.inside)

    closed, later = uvloop.run(close_upon_a_crowd())
    assert closed >= CROWD - 1  # the loop's own server may be letting one in
    assert later - closed <= 1


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Take all that this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    with ExitStack() as taken:
        taken.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (last, hard))
        with suppress(OSError):
            while True:
                taken.callback(os.close, os.dup(0))
        yield


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # there is no event for what is asked here
            await asyncio.sleep(0.01)


def test_a_process_without_a_descriptor_left_lets_people_in_by_its_reserve(caplog: pytest.LogCaptureFixture):
    async def arrive() -> None:
        connections = Connections()
        with ExitStack() as held:
            listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=CROWD))
            beside = Acceptor([listener], connections)
            crowd(listener, 3, held)
            with no_descriptor_left():
                await until(lambda: len(connections.inside) == 3)
            await beside.close()
            for connection in connections.inside:
                connection.close()

    uvloop.run(arrive())
    assert "too many open files" in caplog.text

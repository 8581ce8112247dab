"""Whoever waits at the door comes in, on the loop that the service runs on."""

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

from runtime.server import acceptor
from runtime.server.acceptor import Acceptor

CROWD = 100


class Guests:
    """Who came in."""

    def __init__(self) -> None:
        self.inside: list[asyncio.BaseTransport] = []

    def __call__(self) -> asyncio.Protocol:
        guests = self

        class Guest(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                guests.inside.append(transport)

        return Guest()


def crowd(door: socket.socket, number: int, held: ExitStack) -> None:
    """Connect so many; the kernel keeps them until they are accepted."""
    for _ in range(number):
        held.enter_context(socket.create_connection(door.getsockname()))


@asynccontextmanager
async def opened(guests: Guests) -> AsyncIterator[tuple[socket.socket, Acceptor]]:
    """Listen as the service does: the loop's server and the acceptor on one socket."""
    door = socket.create_server(("127.0.0.1", 0), backlog=CROWD)
    server = await asyncio.get_running_loop().create_server(guests, sock=door)
    beside = Acceptor(server.sockets, guests)
    try:
        yield door, beside
    finally:
        await beside.close()
        server.close()
        for guest in guests.inside:
            guest.close()
        await server.wait_closed()
        door.close()


async def turns_until(condition: Callable[[], bool], most: int) -> int:
    """Return after how many turns of the loop `condition` holds, `most` if it does not."""
    for turn in range(most):
        if condition():
            return turn
        await asyncio.sleep(0)
    return most


def test_a_crowd_comes_in_within_a_few_turns_of_the_loop():
    async def arrive() -> int:
        guests = Guests()
        async with opened(guests) as (door, _):
            with ExitStack() as held:
                crowd(door, CROWD, held)
                return await turns_until(lambda: len(guests.inside) == CROWD, most=CROWD)

    assert uvloop.run(arrive()) < CROWD // 4


def test_nobody_comes_in_after_the_door_was_closed():
    async def arrive_late() -> tuple[list[Any], bool]:
        guests = Guests()
        async with opened(guests) as (door, beside):
            address = door.getsockname()
            await beside.close()
        try:
            socket.create_connection(address).close()
        except ConnectionRefusedError:
            return guests.inside, True
        return guests.inside, False

    assert uvloop.run(arrive_late()) == ([], True)


def test_whoever_was_accepted_is_in_once_the_door_is_closed():
    async def close_upon_a_crowd() -> tuple[int, int]:
        guests = Guests()
        async with opened(guests) as (door, beside):
            with ExitStack() as held:
                crowd(door, CROWD, held)
                await asyncio.sleep(0)  # one turn, in which they are accepted
                await beside.close()
                closed = len(guests.inside)
                await asyncio.sleep(0.05)
                return closed, len(guests.inside)

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


def test_a_process_without_a_descriptor_left_lets_people_in_once_it_has_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(acceptor, "RETRY_AFTER", 0.05)

    async def arrive() -> None:
        guests = Guests()
        with ExitStack() as held:
            door = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=CROWD))
            beside = Acceptor([door], guests)
            crowd(door, 3, held)
            with no_descriptor_left():
                await until(lambda: caplog.records)
                assert guests.inside == []
            await until(lambda: len(guests.inside) == 3)
            await beside.close()
            for guest in guests.inside:
                guest.close()

    uvloop.run(arrive())
    assert "cannot accept connections" in caplog.text

"""Limits, streams and disconnects of real `annex serve` processes."""

import json
import select
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import list_open_routes
from tests.fixtures.service import annex, until
from tests.fixtures.valkey import RedisServer

TICKS = '''"""Readings as they come."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from runtime import Event, Function

config = Function(public=True)


class Tick(Event, tag="tick", frozen=True):
    symbol: str


async def get() -> AsyncIterator[Tick]:
    """Send one reading and wait for ever; leave a file when cancelled."""
    try:
        yield Tick(symbol="SPY")
        await asyncio.Event().wait()
    finally:
        Path(__file__).with_name("closed").touch()
'''
PUBLIC = '''"""A greeting."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "hello"
'''
LIMITED = '''"""A reading, ten times a day."""

from runtime import Function

config = Function(rate_limit="10/day")


async def get() -> str:
    """Answer."""
    return "risk-on"
'''


def environment(issuer: Issuer, functions: Path, **more: str) -> dict[str, str]:
    return {
        "ANNEX_ENV": "production",
        "ANNEX_FUNCTIONS": str(functions),
        "CLERK_JWT_KEY": issuer.pem,
        "CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
        "CORS_ORIGINS": "https://app.example.com",
        "HOST": "127.0.0.1",
        **more,
    }


def functions(tmp_path: Path, name: str, text: str) -> Path:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / name).write_text(text)
    list_open_routes(folder)
    return folder


def test_sigterm_lets_a_stream_say_its_last_word_and_exits_with_0(tmp_path: Path, issuer: Issuer):
    tree = functions(tmp_path, "ticks.py", TICKS)
    with annex("serve", tmp_path, environment(issuer, tree)) as service:
        with httpx.stream("GET", f"{service.url}/ticks", timeout=30) as answer:
            frames = []
            for line in answer.iter_lines():
                frames.append(line)
                if line == "event: tick":
                    service.process.send_signal(signal.SIGTERM)
        status = service.process.wait(30)

    data = [json.loads(line.removeprefix("data: ")) for line in frames if line.startswith("data: ")]
    assert [event["type"] for event in data] == ["tick", "error"]
    assert data[-1]["code"] == "shutting_down"
    assert status == 0


def test_reader_that_hangs_up_ends_its_stream(tmp_path: Path, issuer: Issuer):
    tree = functions(tmp_path, "ticks.py", TICKS)
    with annex("serve", tmp_path, environment(issuer, tree)) as service:
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(b"GET /ticks HTTP/1.1\r\nHost: annex\r\n\r\n")
            received = b""
            while b"event: tick" not in received:
                received += connection.recv(4096)
        until((tree / "closed").exists)


def test_replicas_share_a_rate_limit_and_count_alone_while_redis_is_away(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    tree = functions(tmp_path, "limited.py", LIMITED)
    settings = environment(issuer, tree, REDIS_URL=redis_server.url)
    signed = {"Authorization": f"Bearer {issuer.token()}"}
    with ExitStack() as stack:
        replicas = [stack.enter_context(annex("serve", tmp_path, settings)) for _ in range(2)]
        http = stack.enter_context(httpx.Client(headers=signed, timeout=30))

        def call(turn: int) -> int:
            return http.get(f"{replicas[turn % 2].url}/limited").status_code

        with ThreadPoolExecutor(8) as pool:
            shared = list(pool.map(call, range(40)))
        redis_server.stop()
        alone = [call(turn) for turn in range(40)]

    assert sorted(shared) == [200] * 10 + [429] * 30
    assert sorted(alone) == [200] * 20 + [429] * 20
    assert all("rate limits count in this process only" in replica.log for replica in replicas)


def test_in_a_crowd_everybody_is_answered_before_anybody_has_had_many_turns(tmp_path: Path, issuer: Issuer):
    folder = functions(tmp_path, "hello.py", PUBLIC)
    with annex("serve", tmp_path, environment(issuer, folder)) as service:
        answers = crowd(service.url, connections=300)
    assert min(answers) == 1
    assert max(answers) < 30


def crowd(url: str, connections: int) -> list[int]:
    """Open all at once, ask again at each answer, and return the answers of each once everybody has one."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    answers: dict[int, int] = {}
    with ExitStack() as held:
        waiting = held.enter_context(select.epoll())
        callers = [held.enter_context(socket.socket()) for _ in range(connections)]
        for caller in callers:
            caller.settimeout(0)
            caller.connect_ex((host, port))
            waiting.register(caller, select.EPOLLOUT)
        known = {caller.fileno(): caller for caller in callers}
        while len(answers) < connections:
            for number, event in waiting.poll(20):
                if event & select.EPOLLOUT:
                    waiting.modify(number, select.EPOLLIN)
                elif known[number].recv(65536).endswith(b'"hello"'):
                    answers[number] = answers.get(number, 0) + 1
                else:
                    continue
                known[number].send(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
    return list(answers.values())

"""Deploys that drop nothing: the real server, replaced again and again under load."""

import asyncio
import collections
import contextlib
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.figures import Figure
from tests.fixtures.production import SLOW, TICKS, Edge, edge, environment, functions_of
from tests.fixtures.service import Service, annex

pytestmark = pytest.mark.timeout(900)


class Load:
    """Callers that never stop, through one edge.

    Attributes:
        answered: how many answers of each kind came.
        failed: what went wrong, in words.
    """

    def __init__(self, port: int, token: str) -> None:
        self.answered: collections.Counter[str] = collections.Counter()
        self.failed: list[str] = []
        self.over = False
        self._url = f"http://127.0.0.1:{port}"
        self._signed = {"Authorization": f"Bearer {token}"}

    async def run(self) -> None:
        """Call until `over`, ten callers at once, each on a connection it keeps as long as it may."""
        calls = [self.reading] * 5 + [self.slow] * 3 + [self.stream] * 2
        await asyncio.gather(*(self._caller(call) for call in calls))

    async def reading(self, http: httpx.AsyncClient) -> str:
        """A query."""
        answer = await http.get("/samples/NORTH", headers=self._signed)
        return "" if answer.status_code == 200 and answer.json()["symbol"] == "NORTH" else answer.text

    async def slow(self, http: httpx.AsyncClient) -> str:
        """A call that is under way for a while."""
        answer = await http.get("/slow")
        return "" if answer.text == '"done"' else answer.text

    async def stream(self, http: httpx.AsyncClient) -> str:
        """A stream, which may end early but never without its last word."""
        async with http.stream("GET", "/ticks") as answer:
            lines = [line async for line in answer.aiter_lines()]
        last = next((line for line in reversed(lines) if line.startswith("event:")), "")
        return "" if last in {"event: done", "event: error"} else f"{answer.status_code} {lines[-3:]}"

    async def _caller(self, call) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=20) as http:
            while not self.over:
                try:
                    wrong = await call(http)
                except httpx.HTTPError as error:
                    wrong = repr(error)
                if wrong:
                    self.failed.append(f"{call.__name__}: {wrong}")
                else:
                    self.answered[call.__name__] += 1


def test_deploys_under_load_drop_no_request(
    tmp_path: Path, issuer: Issuer, database_url: str, figure: Figure, full: bool
):
    deploys = 20 if full else 4
    functions = functions_of(tmp_path, {"slow.py": SLOW, "ticks.py": TICKS}, "samples")
    settings = environment(issuer, database_url, functions, ANNEX_DRAIN_DELAY="1")
    token = issuer.token(exp=int(time.time()) + 3600)
    statuses: list[int] = []
    seconds: list[float] = []

    async def deploy(stack: contextlib.AsyncExitStack, front: Edge, old: Service) -> Service:
        new = await asyncio.to_thread(stack.enter_context, annex("serve", tmp_path, settings))
        assert "quarantined" not in new.log, new.log
        front.active = new.port
        began = time.monotonic()
        old.process.send_signal(signal.SIGTERM)
        statuses.append(await asyncio.to_thread(old.process.wait, 30))
        seconds.append(time.monotonic() - began)
        return new

    async def run() -> Load:
        async with contextlib.AsyncExitStack() as stack:
            front = await stack.enter_async_context(edge())
            service = await asyncio.to_thread(stack.enter_context, annex("serve", tmp_path, settings))
            front.active = service.port
            load = Load(front.port, token)
            calls = asyncio.create_task(load.run())
            for _ in range(deploys):
                service = await deploy(stack, front, service)
            load.over = True
            await calls
        return load

    load = asyncio.run(run())
    figure("deploys", deploys)
    figure("answers", load.answered.total())
    figure("failed", len(load.failed))
    figure("slowest stop in seconds, 1 of them overlap", round(max(seconds), 1))
    assert load.failed[:5] == []
    assert min(load.answered.values()) > deploys
    assert statuses == [0] * deploys

"""Alive, ready, well."""

import asyncio
from typing import Any

import httpx
import pytest

from runtime.asgi.invocation import Invocation
from runtime.http.health import health as room
from runtime.http.health.health import Check, Health


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(scope["path"])


def ask(app: Health, method: str, path: str) -> httpx.Response:
    async def served(scope: Any, receive: Any, send: Any) -> None:
        scope["annex"] = Invocation(request_id="r", client="", method=method, started=0)
        await app(nowhere)(scope, receive, send)

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(served)
        async with httpx.AsyncClient(transport=transport, base_url="http://annex") as http:
            return await http.request(method, path)

    return asyncio.run(run())


def health(*statuses: str) -> Health:
    def probe(status: Any):
        async def run() -> Check:
            return Check(status)

        return run

    return Health({f"part{number}": probe(status) for number, status in enumerate(statuses)}, version="7")


@pytest.mark.parametrize(
    ("statuses", "word", "ready"),
    [(("ok", "ok"), "ok", 200), (("ok", "degraded"), "degraded", 200), (("degraded", "down"), "down", 503)],
)
def test_the_worst_check_decides(statuses: tuple[str, ...], word: str, ready: int):
    app = health(*statuses)
    assert ask(app, "GET", "/health").json()["status"] == word
    assert ask(app, "GET", "/health/ready").status_code == ready


def test_the_card_tells_version_uptime_and_each_check():
    body = ask(health("ok"), "GET", "/health").json()
    assert body == {
        "status": "ok",
        "version": "7",
        "uptime_seconds": 0,
        "checks": {"part0": {"status": "ok"}},
    }


def test_live_answers_whatever_is_down():
    assert ask(health("down"), "GET", "/health/live").status_code == 200


def test_a_check_without_end_is_down_inside_the_budget(monkeypatch):
    monkeypatch.setattr(room, "BUDGET", 0.01)

    async def stuck() -> Check:
        await asyncio.Event().wait()
        return Check("ok")

    body = ask(Health({"stuck": stuck}, version="1"), "GET", "/health").json()
    assert body["checks"]["stuck"] == {"status": "down", "detail": "no answer within the time budget"}


def test_a_check_that_ignores_its_end_is_answered_for(monkeypatch):
    monkeypatch.setattr(room, "BUDGET", 0.01)

    async def stubborn() -> Check:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()
        return Check("ok")

    assert ask(Health({"stubborn": stubborn}, version="1"), "GET", "/health/ready").status_code == 503


def test_a_check_that_raises_is_down_and_tells_the_kind_alone():
    async def broken() -> Check:
        raise ValueError("postgresql://user:secret@host")

    body = ask(Health({"broken": broken}, version="1"), "GET", "/health").json()
    assert body["checks"]["broken"] == {"status": "down", "detail": "it cannot be examined: ValueError"}


def test_probes_are_shared_by_everybody_who_asks_at_once():
    calls = []

    async def counted() -> Check:
        calls.append(1)
        await asyncio.sleep(0)
        return Check("ok")

    app = Health({"counted": counted}, version="1")

    async def run() -> None:
        await asyncio.gather(*(app.report() for _ in range(20)))

    asyncio.run(run())
    assert len(calls) == 1


def test_another_method_is_405():
    response = ask(health("ok"), "POST", "/health")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


async def test_a_check_whose_task_was_cancelled_by_a_function_is_made_again():
    async def probe() -> Check:
        await asyncio.sleep(0)
        return Check("ok")

    app = Health({"part": probe}, version="7")
    asked = asyncio.create_task(app.report())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for each in asyncio.all_tasks() - {asyncio.current_task()}:
        each.cancel()
    await asyncio.wait([asked])

    assert (await app.report()).status == "ok"

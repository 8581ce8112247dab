"""What strangers and a queue in trouble do: clear refusals, nothing hangs, nothing leaks."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.fixtures.app import Caller, Compose
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import ended, worker

WORK = '''"""Work that takes anything."""

from typing import Any

from runtime import Function, Jobs, Run

config = Function(max_body=200_000)


async def job(data: Any, run: Run) -> Any:
    """Give it back."""
    return await run.step("one", echo, data)


async def echo(data: Any) -> Any:
    """Give it back."""
    return data


async def post(data: Any, jobs: Jobs, key: str | None = None) -> str:
    """Queue it."""
    return (await jobs.enqueue("/work", data, key=key)).id


async def put(how: str, jobs: Jobs) -> str:
    """Queue what no JSON can hold."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    whole = {"nan": float("nan"), "integer": 10**30, "bytes": b"\\xff", "none": None}
    broken = {"surrogate": "\\ud800", "deep": deep, "object": object(), "big": "x" * 300_000}
    data = (whole | broken)[how]
    try:
        return (await jobs.enqueue("/work", data)).id
    except Exception as error:
        return f"{type(error).__name__}: {error}"
'''


@pytest.fixture
async def caller(compose: Compose, tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Caller]:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "work.py").write_text(WORK)
    async with compose(tmp_path / "functions", REDIS_URL=redis_server.url, ANNEX_JOB_BACKOFF="0.01") as made:
        yield made


@pytest.fixture
async def server(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url) as made:
        yield made


async def queued(caller: Caller, data: Any = "x", **params: str) -> str:
    answer = await caller.signed("POST", "/work", json=data, params=params)
    assert answer.status_code == 200, answer.text
    run: str = answer.json()
    return run


STRANGE = [
    "",
    "\x00",
    "\u2028",
    "💥" * 1000,
    2**63,
    -1e308,
    {"": {"": []}},
    {"__proto__": 1},
    [None] * 10_000,
]


async def test_a_strange_payload_comes_back_as_it_was(caller: Caller):
    async with worker(caller):
        runs = [await queued(caller, data) for data in STRANGE]
        assert [(await ended(caller, run))["result"] for run in runs] == STRANGE


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("surrogate", "WrongPayload"),
        ("deep", "WrongPayload"),
        ("object", "WrongPayload"),
        ("big", "TooLarge"),
    ],
)
async def test_what_json_cannot_hold_is_named_before_anything_is_queued(caller: Caller, how: str, said: str):
    answer = await caller.signed("PUT", "/work", params={"how": how})
    assert answer.json().startswith(said), answer.text
    assert caller.application.queue is not None
    assert await caller.application.queue.depths() == []


@pytest.mark.parametrize("how", ["nan", "integer", "bytes", "none"])
async def test_what_json_holds_in_another_way_is_done_in_that_way(caller: Caller, how: str):
    answer = await caller.signed("PUT", "/work", params={"how": how})
    async with worker(caller):
        assert (await ended(caller, answer.json()))["state"] == "done"


HOSTILE_IDS = [
    "%00",
    "%2e%2e%2fdead",
    "x" * 5000,
    "run_%F0%9F%92%A5",
    "*",
    "run_x%0d%0aDEL%20x",
    "later",
    "%7B1%7D",
    "%ED%A0%80",
    "-",
]


@pytest.mark.parametrize("door", ["GET {}", "GET {}/events", "DELETE {}"])
async def test_a_run_id_that_nobody_gave_does_not_exist(caller: Caller, door: str):
    await queued(caller)
    method, path = door.split()
    answers = [await caller.signed(method, f"/runs/{path.format(each)}") for each in HOSTILE_IDS]
    assert {each.status_code for each in answers} <= {400, 404, 414}
    assert not any("annex:work" in each.text for each in answers)


@pytest.mark.parametrize("door", ["GET {}", "GET {}/events", "DELETE {}"])
async def test_a_forged_token_opens_no_run(caller: Caller, door: str):
    run = await queued(caller)
    method, path = door.split()
    for token in ("forged", "e30.e30.", "a.b.c"):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await caller.anonymous(method, f"/runs/{path.format(run)}", headers=headers)
        assert (answer.status_code, run in answer.text) == (401, False)
    assert (await caller.signed("GET", f"/runs/{run}")).json()["state"] == "queued"


async def test_a_last_event_id_that_nobody_gave_does_no_harm(caller: Caller):
    async with worker(caller):
        run = await queued(caller)
        await ended(caller, run)
    for given in ("-1", "9" * 400, "x", "0-0"):
        answer = await caller.signed("GET", f"/runs/{run}/events", headers={"Last-Event-ID": given})
        assert answer.status_code < 500, answer.text


TROUBLE = {
    "full": ("maxmemory", "1"),
    "needs replicas": ("min-replicas-to-write", "3"),
}


@pytest.mark.parametrize("kind", TROUBLE)
async def test_a_server_that_takes_no_writes_is_named_in_the_log_and_work_goes_on_after_it(
    caller: Caller, server: Redis, caplog: pytest.LogCaptureFixture, kind: str
):
    name, value = TROUBLE[kind]
    async with worker(caller):
        before = str((await server.config_get(name))[name])
        await server.config_set(name, value)
        answer = await caller.signed("POST", "/work", json="x")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "the queue refuses what it is asked" in caplog.text
        await server.config_set(name, before)
        assert (await ended(caller, await queued(caller)))["state"] == "done"


@pytest.mark.parametrize("key", ["ready:/work", "jobs", "bell", "workers", "later"])
async def test_work_goes_on_once_a_key_of_another_kind_is_gone(caller: Caller, server: Redis, key: str):
    await server.set(f"annex:work:{key}", "not ours")
    answer = await caller.signed("POST", "/work", json="x")
    assert answer.status_code in {200, 503}
    assert "WRONGTYPE" not in answer.text
    await server.delete(f"annex:work:{key}")
    async with worker(caller):
        assert (await ended(caller, await queued(caller)))["state"] == "done"


async def test_a_run_that_somebody_wrote_over_does_not_hold_up_others(caller: Caller, server: Redis):
    broken = await queued(caller)
    await server.delete(f"annex:work:run:{broken}")
    await server.hset(f"annex:work:run:{broken}", mapping={"state": "queued", "entry": "x"})
    async with worker(caller):
        assert (await ended(caller, await queued(caller)))["state"] == "done"


async def test_a_run_with_fields_that_cannot_be_read_does_not_hold_up_others(caller: Caller, server: Redis):
    broken = await queued(caller)
    await server.hset(f"annex:work:run:{broken}", mapping={"user": "{", "data": b"\xff\x00"})
    async with worker(caller):
        assert (await ended(caller, await queued(caller)))["state"] == "done"


async def test_scripts_that_the_server_forgets_are_sent_again(caller: Caller, server: Redis):
    async with worker(caller):
        for _ in range(5):
            await server.script_flush()
            assert (await ended(caller, await queued(caller)))["state"] == "done"


async def test_flushes_during_everything_lose_work_and_never_the_worker(caller: Caller, server: Redis):
    async def flush() -> None:
        for _ in range(40):
            await server.flushall()
            await asyncio.sleep(0.02)

    async def queue() -> None:
        for number in range(60):
            with contextlib.suppress(AssertionError):  # a 503: it was lost before it could be read
                await queued(caller, {"n": number}, key=json.dumps(number % 7))

    async with worker(caller, name="w"):
        assert caller.application.queue is not None
        await asyncio.gather(flush(), queue(), queue())
        await caller.application.queue.renew("w", 60)  # as its keeper does
        assert (await ended(caller, await queued(caller)))["state"] == "done"

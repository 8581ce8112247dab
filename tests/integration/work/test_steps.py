"""Steps of a run are done once in all its tries, and a run that sleeps holds nobody up."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.app import Caller, Compose
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import ended, worker

STEPS = '''"""Work in steps."""

from pathlib import Path

import msgspec

from runtime import Function, Jobs, Run

config = Function(retries=2, concurrency=1)
DIARY = Path(__file__).parents[1] / "diary"


class Order(msgspec.Struct):
    """What a step gives."""

    number: int


def note(word: str) -> None:
    """Write a line."""
    with DIARY.open("a") as diary:
        diary.write(word + "\\n")


async def pay(number: int) -> Order:
    """One step."""
    note(f"pay {number}")
    return Order(number)


async def bad() -> object:
    """Give what JSON cannot hold."""
    return object()


async def big() -> str:
    """Give too much."""
    return "x" * (1024 * 1024)


async def job(data: str, run: Run) -> str:
    """Do it."""
    note("begin")
    if data == "bad":
        await run.step("bad", bad)
    if data == "big":
        await run.step("big", big)
    if data == "twice":
        await run.step("pay", pay, 1)
        await run.step("pay", pay, 2)
    order = await run.step("pay", pay, number=7)
    if data == "fail" and run.number < 3:
        raise ValueError
    if data == "sleep":
        try:
            await run.sleep("a while", 0.2)
        except Exception:
            note("swallowed")
    if data == "deaf":
        try:
            await run.sleep("a while", 0.2)
        except BaseException:
            return "not this"
    if data == "long":
        await run.sleep("a day", 86400)
    note("end")
    return f"{type(order).__name__} {order.number} in try {run.number}"


async def post(data: str, jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/steps", data)).id
'''


@pytest.fixture
async def caller(compose: Compose, tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Caller]:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "steps.py").write_text(STEPS)
    settings = {"REDIS_URL": redis_server.url, "ANNEX_JOB_BACKOFF": "0.05", "ANNEX_SECRET": "s" * 32}
    async with compose(tmp_path / "functions", **settings) as made, worker(made):
        assert not made.application.table.faults
        yield made


async def queued(caller: Caller, how: str) -> str:
    run: str = (await caller.signed("POST", "/steps", json=how)).json()
    return run


async def done(caller: Caller, how: str) -> dict[str, Any]:
    return await ended(caller, await queued(caller, how))


def diary(tmp_path: Path) -> list[str]:
    return (tmp_path / "diary").read_text().splitlines()


async def test_a_step_that_is_done_is_not_done_again_by_the_next_try(caller: Caller, tmp_path: Path):
    run = await done(caller, "fail")
    assert run["result"] == "Order 7 in try 3"
    assert diary(tmp_path) == ["begin", "pay 7", "begin", "begin", "end"]


async def test_a_run_that_sleeps_begins_again_and_its_tries_do_not_count(caller: Caller, tmp_path: Path):
    run = await done(caller, "sleep")
    assert (run["state"], run["result"]) == ("done", "Order 7 in try 1")
    assert diary(tmp_path) == ["begin", "pay 7", "begin", "end"]


async def test_a_try_that_does_not_hear_its_end_writes_nothing_of_its_run(caller: Caller, tmp_path: Path):
    run = await done(caller, "deaf")
    assert (run["result"], diary(tmp_path)) == ("Order 7 in try 1", ["begin", "pay 7", "begin", "end"])


async def test_a_run_that_sleeps_gives_its_place_to_others_and_can_be_cancelled(caller: Caller):
    sleeping = await queued(caller, "long")
    assert (await done(caller, ""))["state"] == "done"
    assert (await caller.signed("GET", f"/runs/{sleeping}")).json()["state"] == "queued"
    await caller.signed("DELETE", f"/runs/{sleeping}")
    assert (await ended(caller, sleeping))["state"] == "cancelled"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("twice", "ValueError: Each step and sleep has a name of its own, of 1 to 200 characters."),
        ("bad", "TypeError: The step 'bad' gave what JSON cannot hold"),
        ("big", "StepTooLarge: The step 'big' gave 1048578 bytes; a run keeps 1048576 of each."),
    ],
)
async def test_a_step_that_cannot_be_kept_is_named_in_the_log(
    caller: Caller, caplog: pytest.LogCaptureFixture, how: str, said: str
):
    run = await done(caller, how)
    assert (run["state"], run["error"]["code"]) == ("failed", "internal_error")
    assert said in caplog.text

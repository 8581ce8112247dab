"""The steps of the queue, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runtime.work.queue.queue import Queue, new_id
from shared.errors import Unavailable
from shared.secret import Secret
from tests.fixtures.valkey import RedisServer

LEASE = 0.3
FIELDS = {"job": "/mail", "path": "/mail", "data": "{}", "retries": 1, "kept": 60}


@pytest.fixture
async def queue(redis_server: RedisServer) -> AsyncIterator[Queue]:
    made = Queue.from_url(Secret(redis_server.url))
    yield made
    await made.close()


async def queued(queue: Queue, *, key: str = "", delay: float = 0, **fields: Any) -> str:
    return await queue.enqueue(new_id(), {**FIELDS, **fields}, key=key, delay=delay)


async def taken(queue: Queue, worker: str, job: str = "/mail", *, lease: float = 30) -> list[str]:
    await queue.renew(worker, lease)
    return [each.id for each in (await queue.take(worker, {job: 10})).taken]


async def state(queue: Queue, run: str) -> str:
    return (await queue.read(run))["state"].decode()


async def test_a_run_is_delivered_to_one_worker_only(queue: Queue):
    run = await queued(queue)
    assert await taken(queue, "one") == [run]
    assert await taken(queue, "two") == []


async def test_a_worker_without_a_lease_is_given_nothing(queue: Queue):
    await queued(queue)
    delivery = await queue.take("one", {"/mail": 1})
    assert (delivery.has_lease, delivery.taken) == (False, [])


async def test_what_a_lost_worker_held_is_delivered_again_once_after_its_lease(queue: Queue):
    run = await queued(queue)
    await taken(queue, "one", lease=LEASE)
    await queue.tick("two")
    assert await taken(queue, "two") == []
    await asyncio.sleep(LEASE)
    await queue.tick("two")
    await queue.tick("three")
    assert (await taken(queue, "two"), await taken(queue, "three")) == ([run], [])


async def test_a_worker_that_keeps_its_lease_keeps_its_runs(queue: Queue):
    await queued(queue)
    await taken(queue, "one", lease=LEASE)
    for _ in range(10):
        await asyncio.sleep(LEASE / 3)
        await queue.renew("one", LEASE)
        await queue.tick("two")
    assert await taken(queue, "two") == []


async def test_a_worker_whose_runs_were_given_away_cannot_renew_its_lease(queue: Queue):
    await taken(queue, "one", lease=0.01)
    await asyncio.sleep(0.05)
    await queue.tick("two")
    assert not await queue.renew("one", 30)


async def test_an_end_is_written_by_the_holder_of_the_try_alone(queue: Queue):
    await queued(queue)
    await queue.renew("one", LEASE)
    await queue.renew("two", 30)
    first = (await queue.take("one", {"/mail": 1})).taken
    await asyncio.sleep(LEASE)
    await queue.tick("two")
    second = (await queue.take("two", {"/mail": 1})).taken
    assert not await queue.done("one", first[0], b'"late"')
    assert await queue.done("two", second[0], b'"right"')
    assert (await queue.read(first[0].id))["result"] == b'"right"'


async def test_an_end_that_is_written_twice_by_its_holder_is_written(queue: Queue):
    await queued(queue)
    await queue.renew("one", 30)
    (run,) = (await queue.take("one", {"/mail": 1})).taken
    assert await queue.done("one", run, b"1")
    assert await queue.done("one", run, b"1")


async def test_a_try_that_failed_comes_again_after_its_delay_and_then_is_a_dead_letter(queue: Queue):
    run = await queued(queue)
    await queue.renew("one", 30)
    (first,) = (await queue.take("one", {"/mail": 1})).taken
    assert await queue.failed("one", first, b"{}", 0.2) == "queued"
    await queue.tick("one")
    assert (await queue.take("one", {"/mail": 1})).taken == []
    await asyncio.sleep(0.25)
    await queue.tick("one")
    (second,) = (await queue.take("one", {"/mail": 1})).taken
    assert second.number == 2
    assert await queue.failed("one", second, b"{}", 0.2) == "failed"
    assert await queue.dead() == [run]


async def test_a_dead_letter_can_be_queued_again_once(queue: Queue):
    run = await queued(queue, retries=0)
    await queue.renew("one", 30)
    (first,) = (await queue.take("one", {"/mail": 1})).taken
    await queue.failed("one", first, b"{}", 0)
    assert [await queue.revive(run), await queue.revive(run)] == [True, False]
    assert await taken(queue, "one") == [run]
    assert await queue.dead() == []


async def test_a_worker_that_dies_in_each_try_leaves_a_dead_letter(queue: Queue):
    run = await queued(queue)
    for name in ("one", "two"):
        assert await taken(queue, name) == [run]
        await queue.retire(name)
    assert await taken(queue, "three") == []
    assert await state(queue, run) == "failed"


async def test_a_try_that_is_handed_back_does_not_count(queue: Queue):
    await queued(queue, retries=0)
    await queue.renew("one", 30)
    await queue.take("one", {"/mail": 1})
    await queue.retire("one", counts=False)
    await queue.renew("two", 30)
    (second,) = (await queue.take("two", {"/mail": 1})).taken
    assert second.number == 1


async def test_a_key_is_queued_once_also_after_its_end(queue: Queue):
    run = await queue.enqueue("run_1", {**FIELDS, "key": "k"}, key="k", delay=0)
    await queue.renew("one", 30)
    (it,) = (await queue.take("one", {"/mail": 1})).taken
    await queue.done("one", it, b"null")
    assert await queue.enqueue("run_2", {**FIELDS, "key": "k"}, key="k", delay=0) == run
    assert await taken(queue, "one") == []


async def test_delayed_work_begins_after_its_delay(queue: Queue):
    run = await queued(queue, delay=0.2)
    await queue.tick("one")
    assert await taken(queue, "one") == []
    await asyncio.sleep(0.25)
    await queue.tick("one")
    assert await taken(queue, "one") == [run]


async def test_work_that_is_postponed_waits_with_what_is_kept_of_it_until_it_falls_due(queue: Queue):
    run = await queued(queue, delay=0)
    assert not await queue.postpone(run, 60)  # a worker may have it
    await taken(queue, "one")
    waits = await queued(queue, delay=0.1)
    assert await queue.postpone(waits, 60, "step:turn", b"1")
    await asyncio.sleep(0.15)
    await queue.tick("one")
    assert await taken(queue, "one") == []
    assert await queue.postpone(waits, 0, "step:turn", b"2")
    await queue.tick("one")
    assert not await queue.postpone(waits, 60, "step:turn", b"3")
    assert await taken(queue, "one") == [waits]
    assert await queue.steps(waits) == {"step:turn": b"2"}


async def test_work_that_waits_for_its_next_try_is_not_postponed(queue: Queue):
    run = await queued(queue)
    await queue.renew("one", 30)
    (it,) = (await queue.take("one", {"/mail": 1})).taken
    await queue.failed("one", it, b"{}", 60)
    assert not await queue.postpone(run, 0)


async def test_work_that_has_not_begun_is_forgotten_and_no_other(queue: Queue, redis_server: RedisServer):
    run = await queued(queue)
    await taken(queue, "one")
    waits = await queued(queue, delay=60)
    await queue.postpone(waits, 60, "step:turn", b"1")
    for each in (run, waits):
        await queue.forget(each)
    assert (await state(queue, run), await queue.read(waits), await queue.steps(waits)) == ("running", {}, {})


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_run_that_waits_is_cancelled_at_once(queue: Queue, delay: float):
    run = await queued(queue, delay=delay)
    await queue.cancel(run)
    assert await taken(queue, "one") == []
    assert await state(queue, run) == "cancelled"


async def test_a_run_under_way_is_cancelled_by_its_worker(queue: Queue):
    run = await queued(queue)
    await queue.renew("one", 30)
    (it,) = (await queue.take("one", {"/mail": 1})).taken
    await queue.cancel(run)
    assert (await queue.tick("one")).ending == {run}
    assert await queue.failed("one", it, b"{}", 1) == "cancelled"


async def test_a_job_that_no_worker_knows_waits(queue: Queue):
    run = await queued(queue, job="/new", path="/new")
    assert await taken(queue, "old") == []
    assert await taken(queue, "new", "/new") == [run]


async def test_after_a_flush_work_goes_on(queue: Queue):
    await queued(queue)
    await queue.renew("one", 30)
    (it,) = (await queue.take("one", {"/mail": 1})).taken
    await queue._redis.flushall()
    assert not await queue.done("one", it, b"null")
    run = await queued(queue)
    assert await taken(queue, "one") == [run]


async def test_a_server_that_is_away_is_unavailable(queue: Queue, redis_server: RedisServer):
    redis_server.stop()
    with pytest.raises(Unavailable):
        await queued(queue)


async def test_a_slot_fires_once_for_all_workers(queue: Queue):
    now = (await queue.tick("one")).now
    assert await queue.fire("s", 0, new_id(), FIELDS, now=now, overlap=False) == "begun"
    fired = [await queue.fire("s", now + 60, new_id(), FIELDS, now=now, overlap=True) for _ in range(10)]
    assert fired == ["fired", *["had"] * 9]


async def test_a_slot_is_passed_over_while_the_run_before_has_not_ended(queue: Queue):
    now = (await queue.tick("one")).now
    await queue.fire("s", 0, new_id(), FIELDS, now=now, overlap=False)
    fired = [await queue.fire("s", now + 60 * at, new_id(), FIELDS, now=now, overlap=False) for at in (1, 2)]
    assert fired == ["fired", "overlap"]
    assert await queue.fire("s", now + 180, new_id(), FIELDS, now=now, overlap=True) == "fired"


async def test_depths_tell_what_waits_and_runs(queue: Queue):
    await queued(queue)
    await queue.renew("one", 30)
    await queue.take("one", {"/mail": 1})
    await queued(queue)
    (depth,) = await queue.depths()
    assert (depth.job, depth.waiting, depth.running) == ("/mail", 1, 1)


async def test_waiting_ends_when_something_is_queued(queue: Queue):
    await queue.renew("one", 30)
    bell = (await queue.take("one", {"/mail": 1})).bell
    waiting = asyncio.create_task(queue.wait(bell, 5))
    await queued(queue)
    async with asyncio.timeout(3):
        await waiting


async def test_the_end_of_a_run_is_kept_for_its_time(queue: Queue):
    run = await queued(queue, kept=1)
    await queue.renew("one", 30)
    (it,) = (await queue.take("one", {"/mail": 1})).taken
    await queue.done("one", it, b"null")
    await asyncio.sleep(1.2)
    assert await queue.read(run) == {}

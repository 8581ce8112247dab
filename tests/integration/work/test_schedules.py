"""Ten workers and one schedule: each slot is fired once, whatever the clocks do. The clock is given."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.work.desk import WorkDesk
from runtime.work.worker.schedules import Schedules
from tests.fixtures.app import Caller, Compose
from tests.fixtures.valkey import RedisServer

WORKERS = 10
SCHEDULED = '''"""Work at set times."""

from runtime import Function

config = Function(public=True, schedule="{cron}", timezone="America/New_York", overlap=True, catch_up=600)


async def job() -> None:
    """Do nothing."""
'''
YEAR = datetime.now(UTC).year + 1  # no slot may be before the first look, which the server's clock tells


class Ten:
    """Ten workers that look at one schedule."""

    def __init__(self, caller: Caller) -> None:
        queue = caller.application.queue
        assert queue is not None
        self.queue = queue
        self.restart(caller)

    async def look(self, moments: Iterable[datetime]) -> None:
        """Let each worker look at each moment, in any order and at once."""
        for moment in moments:
            random.shuffle(self._workers)
            async with asyncio.TaskGroup() as looks:
                for number, each in enumerate(self._workers):
                    looks.create_task(each.fire(moment.timestamp() + number / 20))

    def restart(self, caller: Caller) -> None:
        """Start every worker anew, as a deploy does."""
        desk = caller.application.desk
        assert isinstance(desk, WorkDesk)
        self._workers = [Schedules(self.queue, desk) for _ in range(WORKERS)]

    async def fired(self) -> int:
        """Return how many runs are queued."""
        return sum(each.waiting for each in await self.queue.depths())


@pytest.fixture
async def caller(
    request: pytest.FixtureRequest, compose: Compose, tmp_path: Path, redis_server: RedisServer
) -> AsyncIterator[Caller]:
    cron = request.param if hasattr(request, "param") else "*/15 * * * *"
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "slots.py").write_text(SCHEDULED.format(cron=cron))
    async with compose(tmp_path / "functions", REDIS_URL=redis_server.url) as made:
        yield made


def sunday(month: int, number: int) -> datetime:
    """Return five in the morning, in UTC, of a Sunday of a month."""
    first = datetime(YEAR, month, 1, 5, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


def minutes(begin: datetime, hours: float) -> list[datetime]:
    return [begin + timedelta(minutes=each) for each in range(int(hours * 60))]


@pytest.mark.parametrize(
    ("caller", "begin", "slots"),
    [
        ("*/15 * * * *", sunday(3, 2), 16),  # the clocks skip from two to three
        ("*/15 * * * *", sunday(11, 1), 16),  # the hour from one to two comes twice
        ("30 2 * * *", sunday(3, 2), 1),  # a time that is skipped
        ("30 1 * * *", sunday(11, 1), 1),  # one that comes twice
        ("0 5 * * *", sunday(3, 2), 1),  # four hours behind UTC, on the very day
        ("0 4 * * *", sunday(11, 1) + timedelta(hours=1), 1),  # and five
    ],
    indirect=["caller"],
    ids=["spring", "autumn", "skipped", "twice", "after spring", "after autumn"],
)
async def test_ten_workers_fire_each_slot_once_on_the_days_when_the_clocks_change(
    caller: Caller, begin: datetime, slots: int
):
    ten = Ten(caller)
    await ten.look([begin - timedelta(minutes=1)])
    hours = 5 if slots == 1 else 4
    await ten.look(minutes(begin, hours))
    assert await ten.fired() == slots


async def test_a_clock_that_steps_back_and_forth_fires_no_slot_twice(caller: Caller):
    ten, begin = Ten(caller), datetime(YEAR, 6, 1, 12, 1, tzinfo=UTC)
    await ten.look(minutes(begin, 1))
    for _ in range(3):
        await ten.look(minutes(begin, 0.6))
        ten.restart(caller)
        await ten.look(minutes(begin, 1))
    assert await ten.fired() == 4  # at a quarter past, half past, a quarter to, and one o'clock
    await ten.look(minutes(begin + timedelta(hours=1), 1))
    assert await ten.fired() == 8


async def test_after_a_clock_that_was_days_ahead_slots_are_fired_again(caller: Caller):
    ten, right = Ten(caller), datetime(YEAR, 6, 1, 12, 1, tzinfo=UTC)
    await ten.look(minutes(right, 0.5))
    await ten.look([right + timedelta(days=4000)])
    ten.restart(caller)
    had = await ten.fired()
    await ten.look(minutes(right + timedelta(hours=1), 1))
    assert await ten.fired() == had + 4


async def test_a_slot_that_falls_into_a_deploy_is_made_up_for_once(caller: Caller):
    ten, begin = Ten(caller), datetime(YEAR, 6, 1, 12, 10, tzinfo=UTC)
    await ten.look([begin])
    ten.restart(caller)
    await ten.look([begin + timedelta(minutes=9)])  # four minutes after the slot
    ten.restart(caller)
    await ten.look([begin + timedelta(minutes=10)])
    assert await ten.fired() == 1
    assert Counter(each.job for each in await ten.queue.depths()) == {"/slots": 1}

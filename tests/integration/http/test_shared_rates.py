"""Rate limits that replicas share, counted by a real Redis server."""

import asyncio

import pytest

from runtime.config import Rate
from runtime.gate.rates import RateDecision, RedisRates, rates_at
from shared.secret import Secret
from tests.fixtures.valkey import RedisServer

DAILY = Rate(20, 86400)


def replica(server: RedisServer, rest: float = 60) -> RedisRates:
    """Return the store that one process would have."""
    rates = rates_at(Secret(server.url))
    assert isinstance(rates, RedisRates)
    rates._outage._seconds = rest
    return rates


async def test_replicas_share_one_count_to_the_call(redis_server: RedisServer):
    replicas = [replica(redis_server), replica(redis_server)]
    verdicts: list[RateDecision] = []
    for _ in range(15):  # a few at once: what comes later than the server's time limit is counted elsewhere
        calls = [replicas[turn % 2].take("signals.py:user_1", DAILY) for turn in range(4)]
        verdicts += await asyncio.gather(*calls)
    other = await replicas[0].take("signals.py:user_2", DAILY)
    for each in replicas:
        await each.close()

    assert sum(verdict.allowed for verdict in verdicts) == 20
    assert sorted(verdict.remaining for verdict in verdicts if verdict.allowed) == list(range(20))
    refused = [verdict.wait for verdict in verdicts if not verdict.allowed]
    assert all(86400 / 20 - 60 < wait <= 86400 / 20 for wait in refused)
    assert other.allowed


async def test_count_is_forgotten_by_the_server_when_it_is_free_again(redis_server: RedisServer):
    rates = replica(redis_server)
    await rates.take("signals.py:user_1", DAILY)
    (key,) = await rates._client.keys("*")
    left = await rates._client.pttl(key)
    await rates.close()

    assert key == b"annex:rate:signals.py:user_1"
    assert 0 < left <= 86400 / 20 * 1000


async def test_dead_server_leaves_each_replica_counting_for_itself(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
):
    rates = replica(redis_server)
    await rates.take("signals.py:user_1", DAILY)
    redis_server.stop()
    verdicts = [await rates.take("signals.py:user_1", DAILY) for _ in range(25)]
    await rates.close()

    assert sum(verdict.allowed for verdict in verdicts) == 20
    told = [record for record in caplog.records if record.name.startswith("runtime.")]
    assert len(told) == 1  # and not one a call
    assert told[0].message.startswith("Redis is unavailable, rate limits count in this process only:")
    assert redis_server.url not in caplog.text


async def test_server_that_is_back_is_used_again(redis_server: RedisServer):
    rates = replica(redis_server, rest=0)
    redis_server.stop()
    await rates.take("signals.py:user_1", DAILY)
    redis_server.start()
    await rates.take("signals.py:user_1", DAILY)
    keys = await rates._client.keys("*")
    await rates.close()

    assert keys == [b"annex:rate:signals.py:user_1"]

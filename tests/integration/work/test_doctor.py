"""`annex doctor` tells of a server whose settings lose work."""

import pytest
from redis import Redis

from runtime.commands.checking.queue import check_queue
from shared.secret import Secret
from tests.fixtures.valkey import RedisServer


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy is allkeys-lru"),
        ("appendonly", "no", "appendonly is off"),
    ],
)
async def test_a_setting_that_loses_work_is_named_with_its_cure(
    redis_server: RedisServer, name: str, value: str, said: str
):
    with Redis.from_url(redis_server.url) as server:
        server.config_set(name, value)
    found = [each for each in await check_queue(Secret(redis_server.url), timeout=5) if said in each.text]
    assert len(found) == 1
    assert "; set " in found[0].text


async def test_a_server_that_keeps_everything_is_in_order(redis_server: RedisServer):
    with Redis.from_url(redis_server.url) as server:
        server.config_set("appendonly", "yes")
    found = await check_queue(Secret(redis_server.url), timeout=5)
    assert not [each for each in found if each.is_fault or each.is_doubt]


async def test_a_server_that_is_away_is_a_fault(redis_server: RedisServer):
    redis_server.stop()
    (found,) = await check_queue(Secret(redis_server.url), timeout=1)
    assert (found.is_fault, found.text) == (True, "does not respond (ConnectionError)")

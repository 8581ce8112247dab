"""`annex doctor` tells of a server whose settings lose work."""

from pathlib import Path

import pytest
from redis import Redis

from runtime.commands.checking.queue import check_queue
from shared.secret import Secret
from tests.fixtures.service import free_port
from tests.fixtures.valkey import RedisServer, serving_redis


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


@pytest.mark.parametrize(
    ("rights", "login", "said"),
    [
        ("+@all -info ~*", "app:secret", "its user may not call INFO"),
        ("+@all ~*", "app:wrong", "it refuses the user and password of REDIS_URL"),
    ],
)
async def test_what_a_user_may_not_do_is_named(tmp_path: Path, rights: str, login: str, said: str):
    port = free_port()
    with serving_redis(tmp_path, "--port", str(port)), Redis(port=port) as server:
        server.execute_command("ACL", "SETUSER", "app", "on", ">secret", *rights.split())
        (found,) = await check_queue(Secret(f"redis://{login}@127.0.0.1:{port}"), timeout=5)
    assert said in found.text

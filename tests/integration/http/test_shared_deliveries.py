"""Webhook deliveries that replicas share: two services of one Redis server, sent what anybody could replay."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.fixtures.app import Compose
from tests.fixtures.routing import write_tree
from tests.fixtures.valkey import RedisServer

SECRET = "a secret of the desk"
BODY = b'{"id":"evt_1","fail":false}'
HOOK = """
import asyncio
from typing import Any
from runtime import Function
config = Function(webhook="stripe", timeout=5)
async def post(data: dict[str, Any]) -> str:
    if data["fail"]:
        raise RuntimeError
    await asyncio.sleep(data.get("wait", 0))
    return "ran"
"""

type Deliver = Callable[..., Awaitable[httpx.Response]]


def signed(body: bytes, *, ago: int = 0) -> dict[str, str]:
    at = int(time.time()) - ago
    signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={signature}", "content-type": "application/json"}


@pytest.fixture
async def replicas(compose: Compose, redis_server: RedisServer, tmp_path) -> AsyncIterator[list[Deliver]]:
    write_tree(tmp_path / "functions", {"hook.py": HOOK})
    environment = {"REDIS_URL": redis_server.url, "STRIPE_WEBHOOK_SECRET": SECRET}
    async with AsyncExitStack() as stack:

        async def start() -> Deliver:
            running = await stack.enter_async_context(compose(tmp_path / "functions", **environment))

            async def deliver(body: bytes = BODY, *, headers: dict[str, str] | None = None, ago: int = 0):
                given = headers or signed(body, ago=ago)
                return await running.anonymous("POST", "/hook", content=body, headers=given)

            return deliver

        yield [await start(), await start()]


async def test_a_replay_to_another_replica_is_refused(replicas):
    headers = signed(BODY)
    first = await replicas[0](headers=headers)

    replay = await replicas[1](headers=headers)

    assert (first.status_code, replay.status_code) == (200, 409)


async def test_the_senders_retry_at_another_replica_of_one_that_succeeded_is_204(replicas):
    await replicas[0](ago=5)

    assert [(await replicas[1]()).status_code, (await replicas[1](ago=3)).status_code] == [204, 204]


async def test_the_senders_retry_at_another_replica_of_one_that_failed_runs_again(replicas):
    body = BODY.replace(b"false", b"true")
    failed = await replicas[0](body, ago=5)
    again = await replicas[1](body, ago=3)
    replayed = await replicas[0](body, ago=3)

    assert (failed.status_code, again.status_code, replayed.status_code) == (500, 500, 409)


async def test_of_many_at_once_one_runs(replicas):
    body = b'{"id":"evt_2","fail":false,"wait":0.5}'
    answers = await asyncio.gather(*(replicas[turn % 2](body, ago=turn) for turn in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]


async def test_while_the_server_is_down_each_replica_is_on_its_own(replicas, redis_server, caplog):
    redis_server.stop()
    headers = signed(BODY)

    statuses = [(await replica(headers=headers)).status_code for replica in [*replicas, *replicas]]

    assert statuses == [200, 200, 409, 409]
    assert len([one for one in caplog.records if "webhook deliveries are known" in one.getMessage()]) == 2


async def test_a_server_that_does_not_answer_delays_no_delivery_for_long(replicas, redis_server):
    await replicas[0]()
    redis_server.hang()

    assert (await replicas[1](b'{"id":"evt_3","fail":false}')).status_code == 200

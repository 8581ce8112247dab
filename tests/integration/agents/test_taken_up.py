"""A run that `agents.run(…, detach=True)` began in a request goes on in a worker when its process ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.fixtures.agents import PATIENCE, ModelServer, eventually
from tests.fixtures.app import Caller, Compose
from tests.fixtures.production import functions_of
from tests.fixtures.talk import FILES, TALK, agree, talk
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import worker

type Serving = Callable[..., AbstractAsyncContextManager[Caller]]
BODY = {"messages": [{"role": "user", "content": "Is it up?"}]}


@pytest.fixture
def serving(
    compose: Compose, tmp_path: Path, redis_server: RedisServer, model_server: ModelServer
) -> Serving:
    """Run the service, with other files in place of some."""

    @asynccontextmanager
    async def made(**files: str) -> AsyncIterator[Caller]:
        folder = functions_of(tmp_path, {**FILES, **files})
        settings = {
            "ANNEX_SECRET": "x" * 32,
            "ANNEX_IMPORT_BUDGET": "60",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": model_server.url,
        }
        async with compose(folder, REDIS_URL=redis_server.url, **settings) as caller:
            assert not caller.application.table.faults
            yield caller

    return made


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_server.url)
    yield client
    await client.aclose()


async def begun(caller: Caller, redis: Redis, server: ModelServer, path: str = "/talk/gold") -> str:
    """Begin a run, leave, and return its id once it is held in its second turn."""
    talk(server)
    server.holding.clear()
    reading = asyncio.create_task(caller.signed("POST", path, json=BODY, headers={"X-Tone": "dry"}))
    await server.held()
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    (run_id,) = caller.application.agents._running
    async with asyncio.timeout(PATIENCE):
        while "doubt" not in str(await redis.xrevrange(f"annex:run:user_ada:{run_id}", count=1)):  # noqa: ASYNC110  the server has no event
            await asyncio.sleep(0.005)
    return run_id


async def story(caller: Caller, run_id: str) -> list[dict[str, Any]]:
    answer = await caller.signed("GET", f"/talks/{run_id}")
    assert answer.status_code == 200, answer.text
    lines = answer.text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def said(events: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in events if each["type"] == "message"]


def taken_up(events: list[dict[str, Any]]) -> int:
    return sum(each["type"] == "custom" and each["name"] == "taken_up" for each in events)


@pytest.mark.parametrize("kind", ["short", "built"])
async def test_a_worker_makes_the_call_again_and_plays_on_from_the_last_finished_turn(
    kind: str, serving: Serving, redis: Redis, model_server: ModelServer
):
    async with serving() as staying:
        async with serving() as leaving:
            run_id = await begun(leaving, redis, model_server, f"/talk/gold?kind={kind}")
            asked = len(model_server.requests)
        agree(model_server)
        async with worker(staying):
            events, again = await asyncio.gather(story(staying, run_id), story(staying, run_id))
    assert events == again
    assert (said(events)[0], said(events)[-1], taken_up(events)) == ("Up. ", "AGREED ", 1)
    assert (events[-1]["type"], events[-1]["stopReason"]) == ("done", "completed")
    assert len(model_server.requests) == asked + 1
    if kind == "short":
        assert "gold for user_ada, dry" in str(model_server.requests[-1])


async def test_a_kind_that_cannot_be_kept_ends_with_run_lost(
    serving: Serving, redis: Redis, model_server: ModelServer
):
    async with serving() as staying, worker(staying):
        async with serving() as leaving:
            run_id = await begun(leaving, redis, model_server, "/talk/gold?kind=other")
        events = await story(staying, run_id)
    assert (said(events)[0], events[-1]["code"], events[-1]["retryable"]) == ("Up. ", "run_lost", True)


async def test_a_run_is_ended_between_its_process_and_its_worker(
    serving: Serving, redis: Redis, model_server: ModelServer
):
    async with serving() as staying:
        async with serving() as leaving:
            run_id = await begun(leaving, redis, model_server)
        asked = len(model_server.requests)
        answer = await staying.signed("DELETE", f"/talks/{run_id}")
        assert answer.status_code == 204, answer.text
        async with worker(staying):
            events = await story(staying, run_id)
    assert events[-1]["stopReason"] == "cancelled"
    assert len(model_server.requests) == asked


@pytest.mark.parametrize("ends", ["by itself", "by its caller"])
async def test_a_run_that_has_ended_leaves_nothing_to_do(
    ends: str, serving: Serving, redis: Redis, model_server: ModelServer
):
    async with serving() as caller:
        run_id = await begun(caller, redis, model_server)
        assert await redis.zrange("annex:work:later", 0, -1) == [run_id.encode()]
        if ends == "by itself":
            agree(model_server)
            model_server.released.set()
        else:
            await caller.signed("DELETE", f"/talks/{run_id}")
        assert (await story(caller, run_id))[-1]["type"] == "done"
        await eventually(lambda: not caller.application.agents._detached._stood_by)
        assert await redis.keys(f"annex:work:*{run_id}") == []
        assert await redis.zrange("annex:work:later", 0, -1) == []


async def test_the_call_that_waits_is_nobodys_run_and_sealed(
    serving: Serving, redis: Redis, model_server: ModelServer
):
    async with serving() as caller:
        run_id = await begun(caller, redis, model_server)
        for method in ("GET", "DELETE"):
            assert (await caller.signed(method, f"/runs/{run_id}")).status_code == 404
        kept = str(await redis.hgetall(f"annex:work:run:{run_id}"))
        assert "POST /talk/{topic}" in kept
        assert [word for word in ("gold", "Is it up", "dry", "user_ada") if word in kept] == []


async def test_a_process_that_was_only_silent_tells_nothing_more_once_a_worker_has_its_run(
    serving: Serving, redis: Redis, model_server: ModelServer
):
    async with serving() as staying, serving() as slow:
        run_id = await begun(slow, redis, model_server)
        await redis.zadd("annex:work:later", {run_id: 0})  # as if it had been silent for its lease
        agree(model_server)
        async with worker(staying):
            events = await story(staying, run_id)
        model_server.released.set()
        await eventually(lambda: not slow.application.agents._running)
        assert await story(staying, run_id) == events
    assert (said(events)[-1], taken_up(events)) == ("AGREED ", 1)


@pytest.mark.parametrize(
    "more", ["request: Request,", "theme: Annotated[str, Cookie()] = '',"], ids=["a request", "a cookie"]
)
async def test_a_call_that_cannot_be_sent_again_dies_with_its_process(
    more: str, serving: Serving, redis: Redis, model_server: ModelServer
):
    text = TALK.replace("user: User,", f"user: User,\n    {more}").replace(
        "import Function,", "import Cookie, Function, Request,"
    )
    files = {"talk/[topic].py": text}
    async with serving(**files) as staying, worker(staying):
        async with serving(**files) as leaving:
            run_id = await begun(leaving, redis, model_server)
            assert await redis.keys("annex:work:run:*") == []
        events = await story(staying, run_id)
    assert events[-1]["code"] == "unavailable"


async def test_only_a_queued_run_of_the_callers_own_can_be_followed(serving: Serving):
    text = """\
from collections.abc import AsyncIterator

from runtime import Function, Jobs, User
from shared.agents import AgentEvent, Agents, Conversation

config = Function()


async def job() -> None:
    pass


async def put(jobs: Jobs) -> str:
    return (await jobs.enqueue("/following")).id


async def post(data: Conversation, run: str, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    return await agents.follow(run, data, user=user)
"""
    async with serving(**{"following.py": text}) as caller:
        run = (await caller.signed("PUT", "/following")).json()
        for asked, claims in (("run_made_up", {}), ("x:y", {}), (run, {"sub": "user_eve"})):
            answer = await caller.signed("POST", f"/following?run={asked}", json=BODY, claims=claims)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

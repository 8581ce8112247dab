"""Every error of every route of the example is provoked, and is what the contract lists."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from runtime.testing.model import ModelReply, ModelServer, calls, says
from tests.fixtures.app import Caller, Compose, permitted
from tests.fixtures.postgres import Postgres
from tests.fixtures.provoked import SOON, Provocation, Route, delivery, listed
from tests.fixtures.valkey import RedisServer

# The service interrupts by SIGALRM what holds the loop, which the runner's own signal would keep it from.
pytestmark = pytest.mark.timeout(300, method="thread")

READING = {
    "symbol": "SPY", "regime": "RISK_ON", "value": "1.25", "confidence": 0.5,
    "observedAt": "2026-11-02T15:30:00Z",
}  # fmt: skip
QUESTION = {"messages": [{"role": "user", "content": "Is the market risk-on?"}]}
WRITER, DELETER = permitted("org:signals:write"), permitted("org:signals:delete")
DETACHED = "/agents/regime?detach=true"
DAYS = "start=2026-01-01&end=2026-02-01"

TEAM = Route("POST /agents/regime", "/agents/regime", QUESTION)
SUMMARY = Route("POST /agents/summary", "/agents/summary", {"symbol": "SPY"})
RUN = Route("GET /agents/runs/{run_id}", "/agents/runs/run_x")
STOP = Route("DELETE /agents/runs/{run_id}", "/agents/runs/run_x")
LIST = Route("GET /signals", "/signals")
RECORD = Route("POST /signals", "/signals", READING, WRITER)
LATEST = Route("GET /signals/{symbol}", "/signals/SPY")
DELETE = Route("DELETE /signals/{symbol}", "/signals/SPY", claims=DELETER)
HISTORY = Route("GET /signals/{symbol}/history", f"/signals/SPY/history?{DAYS}")
IMPORT = Route("POST /imports", "/imports", {"readings": [READING]}, WRITER)
WORK = (
    Route("GET /runs/{id}", "/runs/run_x"),
    Route("DELETE /runs/{id}", "/runs/run_x"),
    Route("GET /runs/{id}/events", "/runs/run_x/events"),
)
HOOK = Route("POST /webhooks/clerk", "/webhooks/clerk", {"type": "user.created"}, by="a webhook")
ROUTES = (
    LIST, RECORD, LATEST, DELETE, HISTORY, IMPORT, *WORK, TEAM, SUMMARY, RUN, STOP, HOOK,
    Route("GET /agents/runs/{run_id}/stream", "/agents/runs/run_x/stream"),
    Route("GET /signals/{symbol}/live", "/signals/SPY/live"),
    Route("GET /reports/regime", "/reports/regime"),
    Route("GET /", "/", by="anybody"),
    Route("GET /me", "/me"),
)  # fmt: skip

TOLD_TO_THE_MODEL = {TEAM.name: {"database_unavailable"}}
"""Listed, since the function has a database; only its tools use it, and what they raise goes to the model."""

OF_A_FILE = {"function_stalled", "function_unavailable", "internal_error"}
"""Listed for every route; those of runs are the service's own, and have no file that could fail."""


@pytest.fixture
def tried(
    compose: Compose, served_functions: Path, postgres: Postgres, database_name: str, tmp_path: Path
) -> Provocation:
    return Provocation(ROUTES, compose, served_functions, postgres, database_name, tmp_path)


async def refuse_input(tried: Provocation) -> None:
    """Ask for what there is not, twice for what there is once, and more often than is allowed."""
    take = tried.codes.take
    async with tried.running() as caller:
        for route in (LATEST, DELETE):
            take(route.name, await route.ask(caller, path="/signals/NOPE"))
        take(SUMMARY.name, await SUMMARY.ask(caller, json={"symbol": "NOPE"}))
        take(RECORD.name, await RECORD.ask(caller, json=READING | {"symbol": "NOPE"}))
        assert (await RECORD.ask(caller)).status_code == 201
        take(RECORD.name, await RECORD.ask(caller))
        assert (
            await caller.http.post(HOOK.path, **delivery(name="msg_x", json=HOOK.body))
        ).status_code == 204
        take(HOOK.name, await caller.http.post(HOOK.path, **delivery(name="msg_x", json=HOOK.body)))
        for route in (TEAM, SUMMARY):
            answers = [await route.ask(caller, json={}) for _ in range(31)]
            take(route.name, answers[-1])


async def fail_models(tried: Provocation, model: ModelServer, redis: RedisServer) -> None:
    """Let the provider fail, the person answer twice, the user start too much, a replica die."""
    take = tried.codes.take
    async with tried.running(ANNEX_ENV="production") as caller:
        for route in (TEAM, SUMMARY):
            take(route.name, await route.ask(caller))
    server = {"OPENAI_API_KEY": "sk-canary-key", "OPENAI_BASE_URL": model.url, "ANNEX_RUNS_PER_USER": "1"}
    async with tried.running(**server, REDIS_URL=redis.url) as caller:
        model.script(calls("ask_user", question="Which horizon?"), says("AGREED"))
        asked = await TEAM.ask(caller)
        (question,) = [each for each in events(asked) if each["type"] == "input_required"]
        answer = {**QUESTION, "continuation": question["continuation"]}
        assert events(await TEAM.ask(caller, json=answer))[-1]["type"] == "done"
        take(TEAM.name, await TEAM.ask(caller, json=answer))

        model.script(ModelReply(status=400))
        for route in (TEAM, SUMMARY):
            take(route.name, await route.ask(caller))
        run = events(await TEAM.ask(caller, path=DETACHED))[0]["runId"]
        take(RUN.name, await RUN.ask(caller, path=f"/agents/runs/{run}"))
        await lose_a_run(tried, caller, model, redis)
        await lose_the_queue(tried, caller, redis)


async def lose_the_queue(tried: Provocation, caller: Caller, redis: RedisServer) -> None:
    """Ask for a run that there is not, and again while the queue does not answer."""
    for route in WORK:
        tried.codes.take(route.name, await route.ask(caller))
    redis.hang()
    for route in WORK:
        tried.codes.take(route.name, await route.ask(caller, headers=SOON))
    redis.resume()


async def lose_a_run(tried: Provocation, caller: Caller, model: ModelServer, redis: RedisServer) -> None:
    """Start runs beside one that is under way, and take its sign of life, as a dead server would."""
    model.script(says("SPY leads", hold_after=1))
    begun = asyncio.create_task(TEAM.ask(caller, path=DETACHED))
    await model.held()
    for route in (TEAM, SUMMARY):
        tried.codes.take(route.name, await route.ask(caller))
    async with Redis.from_url(redis.url) as store:
        (alive,) = [key async for key in store.scan_iter("annex:run:*:alive")]
        run = alive.decode().split(":")[-2]
        read = asyncio.create_task(RUN.ask(caller, path=f"/agents/runs/{run}"))
        while not (begun.done() and read.done()):
            await store.delete(alive)
            await asyncio.sleep(0.02)
    tried.codes.take(TEAM.name, await begun)
    tried.codes.take(RUN.name, await read)
    model.released.set()


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]


async def test_each_route_answers_the_errors_that_its_contract_lists_and_no_others(
    tried: Provocation, model_server: ModelServer, redis_server: RedisServer
):
    await tried.run()
    await refuse_input(tried)
    await fail_models(tried, model_server, redis_server)
    async with tried.running() as caller:
        contract = (await caller.anonymous("GET", "/openapi.json")).json()
    expected = listed(contract)
    for name, codes in TOLD_TO_THE_MODEL.items():
        expected[name] -= codes
    for route in WORK:
        expected[route.name] -= OF_A_FILE
    assert tried.codes.seen == expected

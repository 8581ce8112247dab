"""Agents in a real process: a caller who leaves or deletes, a shutdown, two replicas, a missing extra."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.agents import ModelServer, says
from tests.fixtures.clerk import Issuer
from tests.fixtures.service import ROOT, Service, annex, until
from tests.fixtures.valkey import RedisServer

QUESTION = {"messages": [{"role": "user", "content": "Is the market risk-on?"}]}


class Desk:
    """One user at one or more replicas."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    def headers(self, user: str = "user_ada", **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._issuer.token(sub=user)}", **more}

    @contextmanager
    def discuss(self, service: Service, **params: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Open a stream and hand its events out."""
        with httpx.stream(
            "POST",
            f"{service.url}/agents/regime",
            json=QUESTION,
            params=params,
            headers=self.headers(),
            timeout=20,
        ) as response:
            assert response.status_code == 200, response.read()
            yield events_of(response)


def events_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    identifier = 0
    for line in response.iter_lines():
        if line.startswith("id: "):
            identifier = int(line.removeprefix("id: "))
        if line.startswith("data: "):
            yield {**json.loads(line.removeprefix("data: ")), "id": identifier}


@pytest.fixture
def desk(issuer: Issuer) -> Desk:
    return Desk(issuer)


@pytest.fixture
def environment(issuer: Issuer, database_url: str, model_server: ModelServer) -> dict[str, str]:
    return {
        "ANNEX_ENV": "production",
        "ANNEX_FUNCTIONS": str(ROOT / "functions"),
        "ANNEX_SECRET": "the-same-for-all-replicas",
        "ANNEX_RUNS_PER_USER": "1",
        "ANNEX_WORKERS": "1",  # each counts the runs that it has
        "CLERK_JWT_KEY": issuer.pem,
        "CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
        "DATABASE_URL": database_url,
        "HOST": "127.0.0.1",
        "OPENAI_API_KEY": "sk-canary-key",
        "OPENAI_BASE_URL": model_server.url,
    }


@pytest.fixture
def service(tmp_path: Path, environment: dict[str, str]) -> Iterator[Service]:
    with annex("serve", tmp_path, environment) as running:
        yield running


def test_a_caller_who_leaves_stops_the_model_and_frees_the_place(
    service: Service, desk: Desk, model_server: ModelServer
):
    model_server.script(says("SPY leads TLT by far", hold_after=1), says("AGREED"))
    with desk.discuss(service) as events:
        assert next(events)["type"] == "run_started"
        assert next(events)["type"] == "message_delta"
        refused = httpx.post(f"{service.url}/agents/regime", json=QUESTION, headers=desk.headers())
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_runs")
        assert refused.headers["retry-after"] == "5"
    until(model_server.left.is_set)
    assert len(model_server.requests) == 1

    with desk.discuss(service) as events:
        assert list(events)[-1]["stopReason"] == "completed"
    assert "canary" not in service.log


def test_a_deleted_run_says_so_on_its_stream(service: Service, desk: Desk, model_server: ModelServer):
    model_server.script(says("SPY leads TLT by far", hold_after=1))
    with desk.discuss(service) as events:
        run = f"{service.url}/agents/runs/{next(events)['runId']}"
        until(model_server.holding.is_set)
        assert httpx.delete(run, headers=desk.headers("user_eve")).status_code == 404
        assert httpx.delete(run, headers=desk.headers()).status_code == 204
        last = list(events)[-1]
    assert (last["type"], last["stopReason"]) == ("done", "cancelled")
    until(model_server.left.is_set)
    assert httpx.delete(run, headers=desk.headers()).status_code == 404


def test_a_shutdown_ends_a_running_stream_with_one_retryable_word(
    service: Service, desk: Desk, model_server: ModelServer
):
    model_server.script(says("SPY leads TLT by far", hold_after=1))
    with ThreadPoolExecutor(1) as pool, desk.discuss(service) as events:
        next(events)
        until(model_server.holding.is_set)
        stopped = pool.submit(service.stop)
        terminal = [event for event in events if event["type"] in {"done", "error"}]
        assert [event["code"] for event in terminal] == ["shutting_down"]
        assert stopped.result() == 0


def test_a_detached_run_is_taken_up_again_at_another_replica(
    tmp_path: Path,
    environment: dict[str, str],
    desk: Desk,
    model_server: ModelServer,
    redis_server: RedisServer,
):
    model_server.script(says("SPY leads TLT by far", hold_after=1), says("AGREED"))
    shared = {**environment, "REDIS_URL": redis_server.url}
    (tmp_path / "other").mkdir()
    with annex("serve", tmp_path, shared) as here, annex("serve", tmp_path / "other", shared) as there:
        with desk.discuss(here, detach="true") as events:
            first, second = next(events), next(events)
        run = f"{there.url}/agents/runs/{first['runId']}"
        assert httpx.get(run, headers=desk.headers("user_eve")).status_code == 404
        model_server.released.set()
        resume = desk.headers(**{"Last-Event-ID": str(second["id"])})
        with httpx.stream("GET", run, headers=resume, timeout=20) as response:
            rest = list(events_of(response))
    assert [event["id"] for event in rest] == list(range(3, 3 + len(rest)))
    assert rest[-1]["stopReason"] == "completed"


WITHOUT_THE_EXTRA = """
import asyncio, sys
for name in ("autogen_agentchat", "autogen_core", "autogen_ext", "openai"):
    sys.modules[name] = None
from shared.agents import Agent, Agents, Conversation, ModelSettings, RunLimits, Team, Turn
from shared.errors import AgentsUnavailable
from shared.identity import User
from shared.secret import Secret

async def main():
    limits = RunLimits(per_user=1, total=1)
    async with Agents(ModelSettings(may_replay=True), limits, secret=Secret("x")) as agents:
        conversation = Conversation(messages=(Turn(role="user", content="Risk-on?"),))
        try:
            await agents.run(Team("regime", (Agent("analyst", ""),)), conversation, user=User("user_1"))
        except AgentsUnavailable as refusal:
            print(refusal.code, refusal.detail)

asyncio.run(main())
"""

LOADED = """
import sys
from runtime.app import create_app
from runtime.settings import load
create_app(load({"ANNEX_ENV": "test"}))
print([name for name in sys.modules if name in {"autogen_core", "openai", "redis", "pydantic", "attr"}])
"""


def _python(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def test_without_the_extra_a_run_is_refused_and_names_the_cure():
    assert _python(WITHOUT_THE_EXTRA).startswith("agents_unavailable Agents need the `agents` extra")


def test_composing_the_service_imports_no_agent_library_and_none_of_theirs():
    assert _python(LOADED).strip() == "[]"

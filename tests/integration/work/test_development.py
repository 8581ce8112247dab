"""Queued work in `annex dev`: a server that comes with it, and a worker that serves what was just saved."""

import asyncio
from pathlib import Path
from typing import Any

from redis import Redis

from runtime.dev.work import valkey, worker
from runtime.routing import discover
from runtime.settings import load
from tests.fixtures.app import Caller, Compose

JOB = '''"""Say a word."""

from runtime import Function, Jobs

config = Function(public=True)


async def job() -> str:
    """Say it."""
    return "{word}"


async def post(jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/say")).id
'''


async def ended(caller: Caller, run: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await caller.signed("GET", f"/runs/{run}")).json()
            if found["state"] == "done":
                return found
            await asyncio.sleep(0.05)


def test_a_server_that_comes_with_development_is_gone_after_it():
    with valkey(load({})) as settings:
        assert settings.redis_url is not None
        url = settings.redis_url.reveal()
        assert Redis.from_url(url).ping()
    assert not Path(url.removeprefix("unix://")).exists()


def test_a_server_that_is_named_is_used():
    with valkey(load({"REDIS_URL": "redis://elsewhere"})) as settings:
        assert settings.redis_url is not None
        assert settings.redis_url.reveal() == "redis://elsewhere"


async def test_a_saved_job_is_done_as_it_was_saved(compose: Compose, tmp_path: Path):
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "say.py").write_text(JOB.format(word="old"))
    with valkey(load({})) as settings:
        assert settings.redis_url is not None
        url = settings.redis_url.reveal()
        async with compose(functions, REDIS_URL=url) as caller, worker(caller.application):
            (functions / "say.py").write_text(JOB.format(word="new"))
            caller.application.swap(discover(functions))
            run = (await caller.signed("POST", "/say")).json()
            found = await ended(caller, run)
    assert found["result"] == "new"

"""SIGKILL between each pair of steps of a transaction that queues work, and at each step of a job."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.work.worker.held import HeldWork
from tests.fixtures.app import Compose
from tests.fixtures.killed_work import JOB
from tests.fixtures.service import ROOT
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import worker

pytestmark = pytest.mark.timeout(240)

WORK = '''"""Work that writes down what it does, and dies in the try that is asked to."""

import asyncio
import os
import signal
from pathlib import Path

from runtime import Function, Run

config = Function(public=True, retries=2)
DIARY = Path(__file__).parents[1] / "diary"


def note(word: str) -> None:
    """Write one line."""
    with DIARY.open("a") as diary:
        diary.write(f"{word}\\n")


def die() -> None:
    """End this process."""
    os.kill(os.getpid(), signal.SIGKILL)


async def part(data: str, is_last: bool) -> str:
    """Do one step."""
    note(f"{data}: step")
    if data == "in a step" and not is_last:
        die()
    return "kept"


async def job(data: str, run: Run) -> str:
    """Do it."""
    is_last = (DIARY.parent / "finish").exists()
    note(f"{data}: begin")
    if data == "begun" and not is_last:
        die()
    kept = await run.step("part", part, data, is_last)
    if data == "after a step" and not is_last:
        die()
    await run.progress(0.5)
    if data == "with progress" and not is_last:
        die()
    if data == "returned" and not is_last:
        asyncio.get_running_loop().call_soon(die)
    note(f"{data}: end")
    return kept
'''


async def killed(kind: str, tmp_path: Path, environ: dict[str, str]) -> dict[str, str | None]:
    """Kill a process at each point; return the run that each has left."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "work.py").write_text(WORK)
    report = tmp_path / "report"
    command = [sys.executable, "-m", "tests.fixtures.killed_work", kind, str(report)]
    settings = {"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(tmp_path / "functions"), **environ}
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(report.read_text())
    return found


async def test_work_of_a_transaction_that_is_killed_at_each_step_is_queued_with_its_commit_or_not_at_all(
    compose: Compose, tmp_path: Path, redis_server: RedisServer, database_url: str
):
    environ = {"REDIS_URL": redis_server.url, "DATABASE_URL": database_url}
    runs = await killed("transaction", tmp_path, environ)
    async with compose(tmp_path / "functions", **environ) as caller:
        queue, database = caller.application.queue, caller.application.database
        assert queue is not None
        async with asyncio.timeout(60):  # until the database has seen that its client is gone
            while await queue.held(-1):
                await HeldWork(queue, database, patience=-1).look()
                await asyncio.sleep(0.05)
        states = {
            point: (await queue.read(run or "")).get("state", b"gone").decode() for point, run in runs.items()
        }
        waiting = sum(each.waiting for each in await queue.depths())
    assert (states, waiting) == (
        {
            "before it queues": "gone",
            "held": "gone",
            "committed": "queued",
            "released": "queued",
            "after it": "queued",
        },
        3,
    )


async def test_a_job_that_is_killed_at_each_of_its_steps_is_done_again_once_and_a_kept_step_is_not(
    compose: Compose, tmp_path: Path, redis_server: RedisServer
):
    runs = await killed("job", tmp_path, {"REDIS_URL": redis_server.url})
    (tmp_path / "finish").touch()
    async with compose(tmp_path / "functions", REDIS_URL=redis_server.url) as caller:
        queue = caller.application.queue
        assert queue is not None
        for point in JOB:
            await queue.retire(f"worker of {point}")  # as its keeper does, or the end of its lease
        async with worker(caller), asyncio.timeout(60):
            for run in runs.values():
                while (await queue.read(run or "")).get("state") != b"done":  # noqa: ASYNC110  # no event
                    await asyncio.sleep(0.05)
        tries = {point: int((await queue.read(run or ""))["tries"]) for point, run in runs.items()}
    assert tries.pop("returned") in {1, 2}  # the end may have been written by then
    assert set(tries.values()) == {2}
    diary = (tmp_path / "diary").read_text().splitlines()
    steps = {point: diary.count(f"{point}: step") for point in JOB}
    assert steps == {**dict.fromkeys(JOB, 1), "in a step": 2}
    assert {point: diary.count(f"{point}: begin") for point in JOB} == {
        **dict.fromkeys(JOB, 2),
        "delivered": 1,
        "returned": diary.count("returned: end"),
    }

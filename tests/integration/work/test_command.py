"""`annex jobs`, as who runs the service sees it."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.commands import jobs
from runtime.settings import load
from runtime.work.queue.queue import Queue, Taken
from shared.secret import Secret
from tests.fixtures.valkey import RedisServer

MAIL = '''"""Send a letter."""

import msgspec

from runtime import Function

config = Function(permission="org:mail:send", org=True)


class Letter(msgspec.Struct):
    """To whom."""

    to: str


async def job(data: Letter) -> None:
    """Send it."""
'''
OWN = '''"""Work for somebody."""

from runtime import Member


async def job(member: Member) -> None:
    """Do it."""
'''

type Jobs = Callable[..., tuple[int, str, str]]


@pytest.fixture
def annex_jobs(tmp_path: Path, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]) -> Jobs:
    """Return a way to run the command: status, output, errors."""
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "mail.py").write_text(MAIL)
    (folder / "own.py").write_text(OWN)
    named = {"ANNEX_FUNCTIONS": str(folder), "REDIS_URL": redis_server.url, "ANNEX_SECRET": "s" * 32}

    def run(*words: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        jobs.arguments(parser)
        status = jobs.run(parser.parse_args(words), load({"ANNEX_ENV": "test", **named}))
        return status, *capsys.readouterr()

    return run


def queued(annex_jobs: Jobs, to: str = "ada") -> str:
    status, output, errors = annex_jobs("--run", "/mail", "--data", f'{{"to": "{to}"}}')
    assert status == 0, errors
    return output.split()[0]


def fails(url: str) -> None:
    """Have a worker take what waits and fail for good."""

    async def failing() -> None:
        queue = Queue.from_url(Secret(url))
        await queue.renew("w", 60)
        for run in (await queue.take("w", {"/mail": 9})).taken:
            await queue.failed("w", Taken(run.id, run.number, run.fields), b'{"code":"x","detail":"y"}', None)
        await queue.close()

    asyncio.run(failing())


def test_a_job_that_is_queued_by_hand_waits(annex_jobs: Jobs):
    run = queued(annex_jobs)
    assert "/mail: 1 waiting, 0 running" in annex_jobs()[1]
    assert f"{run} queued    /mail" in annex_jobs("--list")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", "/mial"], "No file has a job at '/mial'. Did you mean '/mail'?"),
        (["--run", "/mail", "--data", "{"], "The job at '/mail' takes Letter: Input data was truncated."),
        (["--run", "/mail", "--data", "{}"], "takes Letter: Object missing required field `to`."),
        (["--run", "/mail"], "The job at '/mail' takes Letter, but was given NoneType."),
        (["--run", "/own"], "the job at '/own' takes a caller; queue it from a function instead"),
        (["--run", "/own", "--data", "1"], "The job at '/own' takes no data, but was given str."),
        (["--retry", "run_x"], "no such dead letter"),
        (["--cancel", "run_x"], "no such run"),
        (["--show", "run_x"], "no such run"),
    ],
)
def test_what_cannot_be_done_is_said_and_queues_nothing(annex_jobs: Jobs, words: list[str], said: str):
    status, output, errors = annex_jobs(*words)
    assert (status, output, said in errors) == (1, "", True), errors
    assert annex_jobs()[1] == "nothing was ever queued\n"


def test_a_dead_letter_is_listed_shown_and_queued_again(annex_jobs: Jobs, redis_server: RedisServer):
    run = queued(annex_jobs)
    fails(redis_server.url)
    assert f"{run} failed    /mail" in annex_jobs("--dead")[1]
    assert '"state": "failed"' in annex_jobs("--show", run)[1]
    assert annex_jobs("--retry", run)[0] == 0
    assert annex_jobs("--dead")[1] == "no such runs\n"


def test_runs_are_filtered_by_job_and_state(annex_jobs: Jobs):
    first, second = queued(annex_jobs), queued(annex_jobs)
    annex_jobs("--cancel", first)
    assert [line.split()[0] for line in annex_jobs("--state", "queued")[1].splitlines()] == [second]
    assert [line.split()[0] for line in annex_jobs("--state", "cancelled")[1].splitlines()] == [first]
    assert annex_jobs("--job", "/other")[1] == "no such runs\n"


def test_a_list_is_no_longer_than_asked_and_begins_with_the_newest(annex_jobs: Jobs):
    runs = [queued(annex_jobs) for _ in range(3)]
    assert [line.split()[0] for line in annex_jobs("--list", "--limit", "2")[1].splitlines()] == runs[:0:-1]


def test_a_list_shows_nothing_that_is_sealed_and_needs_no_secret(annex_jobs: Jobs):
    queued(annex_jobs, "ada")
    assert "ada" not in annex_jobs("--list")[1]

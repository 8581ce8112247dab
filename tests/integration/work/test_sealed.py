"""What queued work holds of people is sealed before it is written, where ANNEX_SECRET is set."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from runtime.work.queue.seal import Seal
from shared.errors import Unavailable
from shared.secret import Secret
from tests.fixtures.app import Caller, Compose
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import ended, worker

NOTES = '''"""Work with something private."""

from runtime import Function, Jobs, Run
from shared.errors import Refused

config = Function(retries=0)


async def think(data: str) -> str:
    """One step."""
    return data


async def job(data: str, run: Run) -> str:
    """Give it back."""
    if data == "fail":
        raise Refused(409, "No note of Ada's.")
    return await run.step("think", think, data)


async def post(data: str, jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/notes", data)).id
'''
PRIVATE = "a private note"


class Sealing:
    """Runs the service on one queue with different secrets."""

    def __init__(self, compose: Compose, folder: Path, url: str) -> None:
        self._compose, self._folder, self._url = compose, folder, url

    def service(self, secret: str = "", old: str = "") -> AbstractAsyncContextManager[Caller]:
        named = {"REDIS_URL": self._url, "ANNEX_SECRET": secret, "ANNEX_SECRET_OLD": old}
        return self._compose(self._folder, **{name: value for name, value in named.items() if value})


@pytest.fixture
def sealing(compose: Compose, tmp_path: Path, redis_server: RedisServer) -> Sealing:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "notes.py").write_text(NOTES)
    return Sealing(compose, tmp_path / "functions", redis_server.url)


async def queued(caller: Caller) -> str:
    run: str = (await caller.signed("POST", "/notes", json=PRIVATE)).json()
    return run


async def written(caller: Caller, run: str) -> str:
    assert caller.application.queue is not None
    queue = caller.application.queue
    return str([await queue.read(run), await queue.steps(run)])


@pytest.mark.parametrize(("secret", "is_readable"), [("s" * 32, False), ("", True)])
async def test_the_queue_holds_no_payload_caller_step_or_result_in_clear(
    sealing: Sealing, secret: str, is_readable: bool
):
    async with sealing.service(secret) as caller, worker(caller):
        run = await queued(caller)
        assert (await ended(caller, run))["result"] == PRIVATE
        found = await written(caller, run)
    assert (PRIVATE in found) is is_readable
    assert ("sess_" in found) is is_readable


@pytest.mark.parametrize(("secret", "old"), [("n" * 32, "s" * 32), ("s" * 32, "n" * 32)])
async def test_work_that_was_queued_under_the_old_secret_is_done_under_the_new_one(
    sealing: Sealing, secret: str, old: str
):
    async with sealing.service("s" * 32) as caller:
        run = await queued(caller)
    async with sealing.service(secret, old) as caller, worker(caller):
        assert (await ended(caller, run))["result"] == PRIVATE


async def test_work_that_was_queued_before_there_was_a_secret_is_done(sealing: Sealing):
    async with sealing.service() as caller:
        run = await queued(caller)
    async with sealing.service("s" * 32) as caller, worker(caller):
        assert (await ended(caller, run))["result"] == PRIVATE


async def test_without_its_secret_a_run_cannot_be_read_and_the_answer_names_the_cure(sealing: Sealing):
    async with sealing.service("s" * 32) as caller:
        run = await queued(caller)
    async with sealing.service("n" * 32) as caller:
        answer = await caller.signed("GET", f"/runs/{run}")
    assert (answer.status_code, "ANNEX_SECRET_OLD" in answer.json()["detail"]) == (503, True)


async def test_work_whose_secret_is_gone_is_a_dead_letter_and_not_lost(sealing: Sealing):
    async with sealing.service("s" * 32) as caller:
        run = await queued(caller)
    async with sealing.service("n" * 32) as caller, worker(caller):
        assert caller.application.queue is not None
        async with asyncio.timeout(20):
            while await caller.application.queue.dead() != [run]:  # noqa: ASYNC110  # of another process
                await asyncio.sleep(0.05)
    async with sealing.service("n" * 32, "s" * 32) as caller, worker(caller):
        assert caller.application.queue is not None
        await caller.application.queue.revive(run)
        assert (await ended(caller, run))["result"] == PRIVATE


async def test_what_a_job_says_of_its_failure_is_sealed_too(sealing: Sealing):
    async with sealing.service("s" * 32) as caller, worker(caller):
        run = (await caller.signed("POST", "/notes", json="fail")).json()
        assert (await ended(caller, run))["error"]["detail"] == "No note of Ada's."
        assert "Ada" not in await written(caller, run)


@pytest.mark.parametrize(
    ("run", "field"), [("run_2", "data"), ("run_1", "result")], ids=["another run", "another field"]
)
def test_what_was_sealed_for_one_place_opens_in_no_other(run: str, field: str):
    seal = Seal([Secret("s")])
    sealed = seal.close("run_1", "data", b"x")
    assert seal.open("run_1", "data", sealed) == b"x"
    with pytest.raises(Unavailable):
        seal.open(run, field, sealed)


@pytest.mark.parametrize("broken", [b"\x01", b"\x01" + bytes(12), b"\x01" + bytes(28)])
def test_what_is_cut_or_made_up_does_not_open(broken: bytes):
    with pytest.raises(Unavailable):
        Seal([Secret("s")]).open("run_1", "data", broken)

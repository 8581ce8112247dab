"""Work as functions and callers see it: queued by a request, done as its caller, seen by nobody else."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from runtime.routing import discover
from runtime.work.literals import mistakes
from tests.fixtures.app import Caller, Compose, permitted
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import ended, worker

REPORT = '''"""Write a report."""

import asyncio
from typing import Annotated

import msgspec

from runtime import Function, Jobs, Run, User

config = Function(retries=0, max_body=1000)


class Wish(msgspec.Struct):
    """What to write."""

    title: Annotated[str, msgspec.Meta(max_length=500)]
    how: str = ""


async def job(data: Wish, run: Run, user: User | None) -> str:
    """Write it."""
    await run.progress(0.25)
    if data.how == "fail":
        raise ValueError("a secret")
    if data.how == "wait":
        await asyncio.sleep(60)
    return f"{data.title} for {user.user_id if user else 'nobody'}"


async def post(data: Wish, jobs: Jobs, key: str | None = None) -> str:
    """Queue it."""
    return (await jobs.enqueue("/report", data, key=key)).id
'''
GUARDED = '''"""Work for those who may."""

from runtime import Function, Jobs

config = Function(methods={"job": {"permission": "org:reports:write"}})


async def job() -> None:
    """Do it."""


async def post(jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/guarded")).id
'''
WRONG = '''"""Mistakes of a function's own."""

import msgspec

from runtime import Function, Jobs

config = Function(public=True)


class Other(msgspec.Struct):
    """Looks like a wish."""

    title: str = "x"


async def get(jobs: Jobs, how: str) -> str:
    """Make one."""
    try:
        match how:
            case "path":
                await jobs.enqueue("/reprot", Other())
            case "struct":
                await jobs.enqueue("/report", Other())
            case "nothing":
                await jobs.enqueue("/report")
            case "request":
                await jobs.enqueue("/wrong")
            case "too much":
                await jobs.enqueue("/guarded", Other())
    except (LookupError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return "queued"
'''
NUMBERED = '''"""Work on one thing."""

from uuid import UUID

from runtime import Function, Jobs

config = Function(public=True)


async def job(id: UUID) -> str:
    """Do it."""
    return str(id)


async def post(id: UUID, jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue(f"/things/{id}")).id
'''
APART = '''"""Work in a process of its own, with what the service shares."""

import os

from runtime import Function, Http, Jobs, Settings, User

config = Function(methods={"job": {"isolate": True}})


class Keys(Settings):
    """One key."""

    level: int = 3


async def job(data: int, user: User, keys: Keys, http: Http) -> tuple[str, int, int]:
    """Say who asked, and where it ran."""
    return user.user_id, data * keys.level, os.getpid()


async def post(data: int, jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/apart", data)).id
'''
FILES = {"report.py": REPORT, "guarded.py": GUARDED, "wrong.py": WRONG, "things/[id].py": NUMBERED}

type Serving = Callable[..., AbstractAsyncContextManager[Caller]]


def folder(tmp_path: Path, files: dict[str, str] = FILES) -> Path:
    for name, text in files.items():
        (tmp_path / "functions" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "functions" / name).write_text(text)
    return tmp_path / "functions"


@pytest.fixture
def serving(compose: Compose, tmp_path: Path, redis_server: RedisServer) -> Serving:
    @asynccontextmanager
    async def made(**environment: str) -> AsyncIterator[Caller]:
        async with compose(folder(tmp_path), REDIS_URL=redis_server.url, **environment) as caller:
            assert not caller.application.table.faults
            yield caller

    return made


async def queued(caller: Caller, path: str = "/report", **options: Any) -> str:
    answer = await caller.signed("POST", path, **{"json": {"title": "Today"}, **options})
    assert answer.status_code == 200, answer.text
    run: str = answer.json()
    return run


async def test_a_job_is_done_as_who_queued_it_and_its_result_can_be_read(serving: Serving):
    async with serving() as caller, worker(caller):
        run = await ended(caller, await queued(caller))
    assert (run["state"], run["result"], run["progress"], run["tries"]) == (
        "done",
        "Today for user_ada",
        1.0,
        1,
    )


async def test_an_isolated_job_is_done_in_a_process_of_its_own(
    compose: Compose, tmp_path: Path, redis_server: RedisServer
):
    files = folder(tmp_path, {"apart.py": APART})
    async with compose(files, REDIS_URL=redis_server.url) as caller, worker(caller):
        assert not caller.application.table.faults
        run = await ended(caller, await queued(caller, "/apart", json=14))
    assert (run["state"], run["result"][:2]) == ("done", ["user_ada", 42])
    assert run["result"][2] != os.getpid()


async def test_a_run_that_failed_tells_no_text_of_its_exception(serving: Serving):
    async with serving() as caller, worker(caller):
        run = await ended(caller, await queued(caller, json={"title": "x", "how": "fail"}))
    assert (run["state"], run["error"]["code"]) == ("failed", "internal_error")
    assert "secret" not in str(run)


async def test_a_run_whose_delivery_never_arrived_is_done_and_the_try_does_not_count(serving: Serving):
    async with serving() as caller:
        run = await queued(caller)
        queue = caller.application.queue
        assert queue is not None
        await queue.renew("w", 60)
        assert (await queue.take("w", {"/report": 1})).taken  # as if the connection had been cut just then
        async with worker(caller, name="w"):
            found = await ended(caller, run)
    assert (found["state"], found["tries"]) == ("done", 1)


async def test_a_caller_ends_a_run(serving: Serving):
    async with serving() as caller, worker(caller):
        run = await queued(caller, json={"title": "x", "how": "wait"})
        assert (await caller.signed("DELETE", f"/runs/{run}")).status_code == 204
        assert (await ended(caller, run))["state"] == "cancelled"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "claims", [{"sub": "user_2"}, permitted()], ids=["another user", "another organisation"]
)
async def test_a_run_of_somebody_else_does_not_exist(serving: Serving, method: str, claims: dict[str, Any]):
    async with serving() as caller:
        run = await queued(caller)
        answer = await caller.signed(method, f"/runs/{run}", claims=claims)
        assert answer.status_code == 404
        assert (await caller.signed("GET", f"/runs/{run}")).json()["state"] == "queued"


async def test_a_run_is_closed_to_who_is_not_signed_in(serving: Serving):
    async with serving() as caller:
        assert (await caller.anonymous("GET", f"/runs/{await queued(caller)}")).status_code == 401


async def test_a_run_that_was_never_queued_does_not_exist(serving: Serving):
    async with serving() as caller:
        assert (await caller.signed("GET", "/runs/run_x")).status_code == 404


async def test_who_lost_the_permission_of_a_job_sees_its_runs_no_more(serving: Serving):
    may, may_not = permitted("org:reports:write"), permitted()
    async with serving() as caller:
        run = await queued(caller, "/guarded", claims=may)
        answers = [await caller.signed("GET", f"/runs/{run}", claims=each) for each in (may, may_not)]
    assert [each.status_code for each in answers] == [200, 404]


async def test_a_caller_without_the_permission_of_a_job_queues_nothing(serving: Serving):
    async with serving() as caller:
        answer = await caller.signed("POST", "/guarded", claims=permitted())
        assert caller.application.queue is not None
        assert (answer.status_code, await caller.application.queue.depths()) == (403, [])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("path", "UnknownJob: No file has a job at '/reprot'. Did you mean '/report'?"),
        ("struct", "WrongPayload: The job at '/report' takes Wish, but was given Other."),
        ("nothing", "WrongPayload: The job at '/report' takes Wish, but was given NoneType."),
        ("request", "UnknownJob: No file has a job at '/wrong'."),
        ("too much", "WrongPayload: The job at '/guarded' takes no data, but was given Other."),
    ],
)
async def test_a_mistake_is_named_before_anything_is_queued(serving: Serving, how: str, said: str):
    async with serving() as caller:
        answer = await caller.anonymous("GET", "/wrong", params={"how": how})
        assert said in answer.json()


async def test_a_payload_that_breaks_a_limit_of_its_type_is_not_queued(serving: Serving):
    async with serving() as caller:
        answer = await caller.signed("POST", "/report", json={"title": "x" * 501})
    assert answer.status_code == 400


async def test_a_key_gives_the_same_caller_the_first_run_and_another_one_their_own(serving: Serving):
    async with serving() as caller:
        one = [await queued(caller, params={"key": "k"}) for _ in range(2)]
        other = await queued(caller, params={"key": "k"}, claims={"sub": "user_2"})
    assert one[0] == one[1] != other


async def test_values_in_the_path_of_a_job_reach_it(serving: Serving):
    async with serving() as caller, worker(caller):
        path = "/things/7c1f9b4e-9a53-4b1c-8a61-000000000001"
        run = await ended(caller, await queued(caller, path))
    assert run["result"] == path.removeprefix("/things/")


async def test_a_job_has_no_url(serving: Serving):
    async with serving() as caller:
        answers = [await caller.signed(method, "/guarded") for method in ("GET", "JOB", "OPTIONS")]
    assert [each.status_code for each in answers] == [405, 405, 204]
    assert "JOB" not in answers[2].headers["allow"]


async def test_without_a_queue_nothing_is_queued_and_the_answer_is_503(compose: Compose, tmp_path: Path):
    async with compose(folder(tmp_path)) as caller:
        answer = await caller.signed("POST", "/report", json={"title": "x"})
    assert (answer.status_code, "REDIS_URL" in answer.json()["detail"]) == (503, True)


async def test_in_production_a_file_with_a_job_and_no_queue_is_quarantined_and_names_the_variable(
    compose: Compose, tmp_path: Path
):
    files = {"report.py": REPORT}
    async with compose(folder(tmp_path, files), ANNEX_ENV="production", CLERK_PUBLISHABLE_KEY="") as caller:
        answer = await caller.signed("POST", "/report", json={"title": "x"})
        assert (answer.status_code, answer.json()["code"]) == (503, "function_unavailable")
        assert "REDIS_URL" in str(caller.application.table.faults[0])


def test_check_names_a_call_that_no_job_can_answer(tmp_path: Path):
    table = discover(folder(tmp_path))
    assert [(each.file, each.text) for each in mistakes(table)] == [
        ("wrong.py", "No file has a job at '/reprot'. Did you mean '/report'?"),
        ("wrong.py", "The job at '/report' takes Wish, but is given Other."),
        (
            "wrong.py",
            "No file has a job at '/wrong'. Its path is that of its file, such as '/reports/morning'.",
        ),
        ("wrong.py", "The job at '/guarded' takes no data, but is given Other."),
    ]


def told(answer: Response) -> list[Any]:
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(each) for each in events]


async def test_a_run_is_followed_from_its_wait_to_its_end(serving: Serving):
    async with serving() as caller:
        run = await queued(caller)
        async with asyncio.TaskGroup() as both:
            following = both.create_task(caller.signed("GET", f"/runs/{run}/events", timeout=30))
            await asyncio.sleep(0.1)
            async with worker(caller):
                await ended(caller, run)
                await following
    *seen, last = told(following.result())
    assert seen[0]["run"]["state"] == "queued"
    assert (seen[-1]["run"]["state"], seen[-1]["run"]["result"]) == ("done", "Today for user_ada")
    assert last["type"] == "done"


async def test_a_run_that_has_ended_is_told_once_to_who_comes_back(serving: Serving):
    async with serving() as caller, worker(caller):
        run = await queued(caller)
        await ended(caller, run)
        answer = await caller.signed("GET", f"/runs/{run}/events", headers={"Last-Event-ID": "1"})
    assert [each["type"] for each in told(answer)] == ["run", "done"]


async def test_the_events_of_somebody_elses_run_do_not_exist(serving: Serving):
    async with serving() as caller:
        run = await queued(caller)
        answer = await caller.signed("GET", f"/runs/{run}/events", claims={"sub": "user_2"})
    assert answer.status_code == 404


async def test_the_contract_tells_of_runs_where_a_job_is(serving: Serving):
    async with serving() as caller:
        document = (await caller.anonymous("GET", "/openapi.json")).json()
    assert sorted(document["paths"]["/runs/{id}"]) == ["delete", "get"]

"""Files with a `job`: what it may take and give back, and that no request reaches it."""

from pathlib import Path

import pytest

from runtime.routing import discover
from tests.fixtures.routing import write_tree

HEAD = """
import msgspec
from collections.abc import AsyncIterator
from typing import Annotated
from runtime import Cookie, Csv, Event, Form, Function, Header, Http, Jobs, Member, Redirect, Reply, Request
from runtime import Run, Settings, Upload, User
from litestar import Response

class Task(msgspec.Struct):
    name: str

class Tick(Event, tag="tick"):
    pass
"""


def faults(tmp_path: Path, text: str, config: str = "") -> str:
    write_tree(tmp_path, {"work.py": f"{HEAD}\n{config}\n{text}"})
    return "\n".join(str(fault) for fault in discover(tmp_path).faults)


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("async def job(limit: int) -> None: ...", "query string"),
        ("async def job(raw: Request) -> None: ...", "is a Request"),
        ("async def job(data: Upload) -> None: ...", "an upload"),
        ("async def job(key: Annotated[str, Header()]) -> None: ...", "from a header"),
        ("async def job(key: Annotated[str, Cookie()]) -> None: ...", "from a cookie"),
        ("async def job(data: Annotated[Task, Form()]) -> None: ...", "from a form"),
        ("async def job() -> Reply[str]: ...", "nobody waits"),
        ("async def job() -> str | Redirect: ...", "nobody waits"),
        ("async def job() -> Csv: ...", "nobody waits"),
        ("async def job() -> AsyncIterator[Tick]:\n    yield Tick()", "nobody waits"),
        ("async def job() -> Response[bytes]: ...", "nobody waits"),
        ("async def get(run: Run) -> None: ...", "which only a job has"),
        ("job = 1\nasync def get() -> None: ...", "job has the name of a handler"),
    ],
)
def test_what_belongs_to_requests_is_a_fault_in_a_job(tmp_path: Path, handler: str, said: str):
    assert said in faults(tmp_path, handler)


@pytest.mark.parametrize(
    ("keys", "handler", "said"),
    [
        ('schedule="0 7 * * *"', "async def get() -> None: ...", "no meaning without a job"),
        ('timezone="Europe/Zurich"', "async def job() -> None: ...", "no meaning without schedule"),
        ('schedule="0 7 * *"', "async def job() -> None: ...", "Expected five fields"),
        ('schedule="0 25 * * *"', "async def job() -> None: ...", "Not a cron expression"),
        ('schedule="0 0 31 2 *"', "async def job() -> None: ...", "Not a cron expression"),
        ('schedule="0 7 * * *", timezone="Mars"', "async def job() -> None: ...", "no such time zone"),
        ('schedule="0 7 * * *", timezone="/etc"', "async def job() -> None: ...", "no such time zone"),
        ("retries=-1", "async def job() -> None: ...", "Expected 0 or more"),
        ('schedule="0 7 * * *"', "async def job(user: User) -> None: ...", "a schedule runs as nobody"),
        ('schedule="0 7 * * *"', "async def job(user: Member) -> None: ...", "a schedule runs as nobody"),
        ('schedule="0 7 * * *"', "async def job(data: Task) -> None: ...", "a schedule sends none"),
    ],
)
def test_a_schedule_that_could_not_run_is_a_fault(tmp_path: Path, keys: str, handler: str, said: str):
    assert said in faults(tmp_path, handler, f"config = Function({keys})")


@pytest.mark.parametrize("handler", ["job(run: Run)", "job(jobs: Jobs)", "get(jobs: Jobs)"])
def test_what_outlives_an_isolated_call_is_a_fault_in_one(tmp_path: Path, handler: str):
    found = faults(tmp_path, f"async def {handler} -> None: ...", "config = Function(isolate=True)")
    assert "the process of an isolated call" in found


def test_a_job_takes_what_the_service_shares(tmp_path: Path):
    text = "class Keys(Settings):\n    level: int = 1\nasync def job(keys: Keys, http: Http) -> int: ..."
    assert faults(tmp_path, text) == ""


@pytest.mark.parametrize("user", ["User", "User | None", "Member"])
def test_a_job_without_a_schedule_takes_any_caller(tmp_path: Path, user: str):
    assert faults(tmp_path, f"async def job(who: {user}, data: Task) -> None: ...") == ""


def test_a_job_is_no_route_and_brings_the_door_to_its_runs(tmp_path: Path):
    write_tree(tmp_path, {"work.py": "async def job() -> None: ..."})
    table = discover(tmp_path)
    assert [(each.method, each.template) for each in table.endpoints] == [
        ("DELETE", "/runs/{id}"),
        ("GET", "/runs/{id}"),
        ("GET", "/runs/{id}/events"),
    ]
    assert [each.endpoint.template for each in table.jobs] == ["/work"]


def test_a_function_at_the_url_of_runs_keeps_it(tmp_path: Path):
    own = {"work.py": "async def job() -> None: ...", "runs/[key].py": "async def get(key: str) -> None: ..."}
    write_tree(tmp_path, own)
    assert [each.file for each in discover(tmp_path).endpoints] == ["runs/[key].py"]


def test_a_folder_without_a_job_has_no_door_to_runs(tmp_path: Path):
    write_tree(tmp_path, {"work.py": "async def get() -> None: ..."})
    assert [each.template for each in discover(tmp_path).endpoints] == ["/work"]

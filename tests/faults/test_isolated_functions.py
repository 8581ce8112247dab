"""Functions with a process of their own: what harms that process is answered, and harms nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.listening import until
from tests.fixtures.production import environment, functions_of, served
from tests.fixtures.service import Service

pytestmark = pytest.mark.timeout(120)

NO_DATABASE = "postgresql://app@127.0.0.1:1/app"
NEIGHBOUR = '''"""A healthy function."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer at once."""
    return "well"
'''
HARMFUL = '''"""What a careless file may do."""

import asyncio
import ctypes
import os
import re
import time

from runtime import Function

config = Function(public=True, isolate=True, timeout=2{more})


async def get(what: str = "nothing") -> str:
    """Do it."""
    if what == "regex":
        re.match(r"(a+)+$", "a" * 60 + "b")
    if what == "segfault":
        ctypes.string_at(0)
    if what == "exit":
        os._exit(3)
    if what == "raise":
        raise LookupError("a secret text")
    if what == "memory":
        return str(len(["x" * 1_000_000 + str(i) for i in range(100_000)]))
    if what == "wait":
        await asyncio.sleep(60)
    while what == "loop":
        pass
    print("printed by", what)
    return f"{{os.getpid()}}"


def post(seconds: float = 60) -> str:
    """Block a thread."""
    time.sleep(seconds)
    return str(os.getpid())
'''
PLAIN = HARMFUL.format(more="")
SMALL = HARMFUL.format(more=', memory="128MiB"')
TICKS = '''"""Events of an isolated function."""

import asyncio
import os
from collections.abc import AsyncIterator

from runtime import Event, Function

config = Function(public=True, isolate=True, timeout=2)


class Tick(Event, tag="tick", frozen=True):
    """One."""

    pid: int


async def get(count: int = 3, then: str = "end") -> AsyncIterator[Tick]:
    """Stream some."""
    for _ in range(count):
        yield Tick(pid=os.getpid())
    if then == "wait":
        await asyncio.sleep(60)
    if then == "crash":
        os._exit(3)
    while then == "loop":
        pass
'''


@pytest.fixture
def files() -> dict[str, str]:
    return {"neighbour.py": NEIGHBOUR, "plain.py": PLAIN, "small.py": SMALL, "ticks.py": TICKS}


@pytest.fixture
async def service(tmp_path: Path, issuer: Issuer, files: dict[str, str]) -> AsyncIterator[Service]:
    functions = functions_of(tmp_path, files)
    async with served(tmp_path, environment(issuer, NO_DATABASE, functions)) as running:
        yield running


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


def logged(service: Service, text: str) -> dict[str, Any]:
    """Return the line of the log that has a text."""
    line = next(line for line in service.log.splitlines() if text in line)
    return dict(json.loads(line))


async def test_call_runs_in_another_process_which_serves_the_next_one_as_well(
    service: Service, http: httpx.AsyncClient
):
    answers = [(await http.get("/plain")).json() for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert int(answers[0]) != service.process.pid


@pytest.mark.parametrize("what", ["regex", "loop", "wait"])
async def test_what_does_not_end_is_504_at_its_deadline_while_the_neighbour_answers(
    service: Service, http: httpx.AsyncClient, what: str
):
    pid = int((await http.get("/plain")).json())
    call = asyncio.create_task(http.get("/plain", params={"what": what}))
    neighbours = [await http.get("/neighbour") for _ in range(20)]
    answer = await call

    assert {each.text for each in neighbours} == {'"well"'}
    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
    if what != "wait":
        await until(lambda: not psutil.pid_exists(pid))
    assert (await http.get("/plain")).status_code == 200

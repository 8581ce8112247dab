"""Functions that hold the event loop, in a real process beside one that does not."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of, served
from tests.fixtures.service import Service

NO_DATABASE = "postgresql://app@127.0.0.1:1/app"
HEALTHY = '''"""A neighbour."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer at once."""
    return "well"
'''
HEAD = '''"""A function that never lets go of the loop."""

import asyncio
import re
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, contextmanager
from contextvars import Context
from statistics import fmean


from runtime import Database, Event, Function

config = Function(public=True, timeout={timeout})
'''
HOLDS = {
    "a loop without end": """
async def get() -> str:
    while True:
        pass
""",
    "a sleep": """
async def get() -> str:
    time.sleep(1000)
    return ""
""",
    "a regular expression that backtracks": """
async def get() -> str:
    re.match(r"(a+)+$", "a" * 60 + "b")
    return ""
""",
    "a library that works for ever": """
async def get() -> str:
    return str(fmean(iter(int, 1)))
""",
    "a wait for another thread": """
async def get() -> str:
    threading.Event().wait(1000)
    return ""
""",
    "short waits in a library": """
async def get() -> str:
    while True:
        stack = ExitStack()
        stack.callback(time.sleep, 0.2)
        stack.close()
""",
    "a handler of every exception": """
async def get() -> str:
    while True:
        try:
            time.sleep(1)
        except Exception:
            pass
""",
    "a clean-up": """
async def get() -> str:
    try:
        await asyncio.sleep(0.01)
    finally:
        while True:
            pass
""",
    "a context manager": """
@contextmanager
def held():
    yield
    while True:
        pass


class Held:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        while True:
            pass


async def get() -> str:
    with Held(), held():
        return ""
""",
    "a task of its own": """
async def spin() -> None:
    while True:
        pass


async def get() -> str:
    async with asyncio.TaskGroup() as group:
        group.create_task(spin())
    return ""
""",
    "a task in an empty context": """
async def spin() -> None:
    while True:
        pass


async def get() -> str:
    await asyncio.create_task(spin(), context=Context())
    return ""
""",
    "a task that asyncio makes itself": """
async def spin() -> None:
    while True:
        pass


async def get() -> str:
    await asyncio.Task(spin())
    return ""
""",
    "many short tasks that start at once": """
async def work() -> int:
    return sum(range(1000))


async def get() -> str:
    while True:
        await asyncio.Task(work(), loop=asyncio.get_running_loop(), eager_start=True)
""",
    "an alarm of its own": """
async def get() -> str:
    signal.alarm(1)
    time.sleep(1000)
    return ""
""",
    "the encoding of its answer": """
class Rows(list):
    def __iter__(self):
        while True:
            pass


async def get() -> list[int]:
    return Rows([1])
""",
}
STREAM = """
class Tick(Event, tag="tick", frozen=True):
    number: int


async def get() -> AsyncIterator[Tick]:
    yield Tick(number=1)
    while True:
        pass
"""
SWALLOWS = """
async def get() -> str:
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
"""
CALLBACK = """
def spin() -> None:
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        pass


async def get() -> str:
    asyncio.get_running_loop().call_soon(spin)
    await asyncio.sleep(0.01)
    return "done"
"""
TRANSACTION = """
async def get(database: Database) -> str:
    async with database.transaction() as transaction:
        await transaction.execute("SELECT pg_advisory_xact_lock(7)")
        while True:
            pass
"""
READING = '''"""A neighbour that reads."""

from runtime import Database, Function

config = Function(public=True)
IDLE = """
SELECT count(*) FROM pg_stat_activity
WHERE state LIKE 'idle in%' AND datname = current_database()
"""
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


async def get(database: Database) -> str:
    """Tell what was left."""
    return f"{await database.fetch_value(IDLE)} {await database.fetch_value(LOCKS)}"
'''
TAKES_THE_ALARM = """
async def get() -> str:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    await asyncio.sleep(0.5)
    time.sleep(1000)
    return ""
"""
TASK_FACTORY = """
async def get() -> str:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.sleep(1)
    return "done"
"""
LIMIT = "0.5"  # seconds of one step, so that a test does not take long


def holding(tmp_path: Path, issuer: Issuer, body: str, *, timeout: float = 60, **more: str):
    files = {"healthy.py": HEALTHY, "holding.py": HEAD.replace("{timeout}", str(timeout)) + body}
    settings = environment(issuer, NO_DATABASE, functions_of(tmp_path, files), **more)
    return served(tmp_path, {"ANNEX_STALL": LIMIT, **settings})


async def both(service: Service, path: str = "/holding") -> tuple[httpx.Response, list[httpx.Response]]:
    """Call the function that holds the loop, and its neighbour all the while; return their answers."""
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        call = asyncio.create_task(http.get(path))
        answers = [await http.get("/healthy")]
        while not call.done():
            answers.append(await http.get("/healthy"))
            await asyncio.sleep(0.05)
        answers.append(await http.get("/healthy"))
        return await call, answers


async def test_what_holds_the_loop_costs_its_own_call_alone(tmp_path: Path, issuer: Issuer):
    files = {f"{name.replace(' ', '-')}.py": HEAD.replace("{timeout}", "60") + HOLDS[name] for name in HOLDS}
    functions = functions_of(tmp_path, {"healthy.py": HEALTHY, **files})
    async with served(tmp_path, environment(issuer, NO_DATABASE, functions, ANNEX_STALL=LIMIT)) as service:
        ended = {file: await both(service, f"/{file.removesuffix('.py')}") for file in files}
    assert {
        file: (held.status_code, held.json()["code"]) for file, (held, _) in ended.items()
    } == dict.fromkeys(files, (500, "function_stalled"))
    assert {answer.status_code for _, others in ended.values() for answer in others} == {200}
    for file in files:
        line = next(
            line for line in service.log.splitlines() if f"{file}:" in line and "was interrupted" in line
        )
        assert f'"function":"{file}"' in line
        assert "move the blocking call to a plain `def` handler" in line


async def test_a_step_has_no_longer_than_the_timeout_of_its_function(tmp_path: Path, issuer: Issuer):
    async with holding(tmp_path, issuer, HOLDS["a sleep"], timeout=1, ANNEX_STALL="60") as service:
        held, others = await both(service)
    assert held.json()["code"] == "function_stalled"
    assert {other.status_code for other in others} == {200}


async def test_a_stream_that_holds_the_loop_ends_with_its_terminal_event(tmp_path: Path, issuer: Issuer):
    async with (
        holding(tmp_path, issuer, STREAM) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        stream = await http.get("/holding")
        other = await http.get("/healthy")
    assert "event: tick" in stream.text
    assert '"code":"function_stalled"' in stream.text
    assert other.status_code == 200


async def test_one_that_swallows_the_interrupt_costs_its_worker(tmp_path: Path, issuer: Issuer):
    async with (
        holding(tmp_path, issuer, SWALLOWS) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        with pytest.raises(httpx.TransportError):
            await http.get("/holding")
        assert (await http.get("/healthy")).status_code == 200
    assert "holding.py holds the event loop although it was interrupted 3 times" in service.log


async def test_a_callback_of_the_loop_is_never_interrupted(tmp_path: Path, issuer: Issuer):
    async with holding(tmp_path, issuer, CALLBACK, ANNEX_STALL="2") as service:
        held, others = await both(service)
    assert (held.status_code, held.json()) == (200, "done")
    assert {other.status_code for other in others} == {200}
    assert "was interrupted" not in service.log


async def test_a_loop_that_is_busy_with_many_short_steps_is_left_alone(tmp_path: Path, issuer: Issuer):
    body = "\nasync def get() -> str:\n    time.sleep(0.1)\n    return 'done'\n"
    async with (
        holding(tmp_path, issuer, body) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        answers = await asyncio.gather(*(http.get("/holding") for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_function_that_takes_the_alarm_is_interrupted_all_the_same(tmp_path: Path, issuer: Issuer):
    async with holding(tmp_path, issuer, TAKES_THE_ALARM) as service:
        held, others = await both(service)
    assert held.json()["code"] == "function_stalled"
    assert {other.status_code for other in others} == {200}
    assert "a function took SIGALRM" in service.log


async def test_a_function_that_sets_a_task_factory_costs_no_neighbour_its_connection(
    tmp_path: Path, issuer: Issuer
):
    async with (
        holding(tmp_path, issuer, TASK_FACTORY) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        call = asyncio.create_task(http.get("/holding"))
        answers = []
        while not call.done():
            async with httpx.AsyncClient(base_url=service.url, timeout=30) as other:
                answers.append(await other.get("/healthy"))
            await asyncio.sleep(0.05)
        held = await call
    assert (held.status_code, held.json()) == (200, "done")
    assert {answer.status_code for answer in answers} == {200}
    assert "a function set a task factory, which is the whole service's" in service.log


async def test_an_interrupted_transaction_is_rolled_back_and_its_connection_kept(
    tmp_path: Path, issuer: Issuer, database_url: str
):
    files = {"holding.py": HEAD.replace("{timeout}", "60") + TRANSACTION, "reading.py": READING}
    settings = environment(issuer, database_url, functions_of(tmp_path, files), ANNEX_STALL=LIMIT)
    async with (
        served(tmp_path, settings | {"DATABASE_POOL_MAX": "2"}) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        held = [await http.get("/holding") for _ in range(4)]  # more than there are connections
        read = await asyncio.gather(*(http.get("/reading") for _ in range(8)))
    assert [each.json()["code"] for each in held] == ["function_stalled"] * 4
    assert {(each.status_code, each.json()) for each in read} == {(200, "0 0")}

"""One function cannot have every thread."""

import asyncio
from pathlib import Path

import pytest

from tests.fixtures.app import Compose
from tests.fixtures.production import functions_of

HEAD = '''"""Threads."""

import asyncio
import time

from runtime import Function

config = Function(public=True, timeout=3)

'''
SLEEPING = {
    "to_thread": "    await asyncio.to_thread(time.sleep, 2)\n",
    "run_in_executor": "    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 2)\n",
    "a task of its own": "    await asyncio.create_task(asyncio.to_thread(time.sleep, 2))\n",
}
READING = '''
async def get() -> int:
    """Work in a thread."""
    return await asyncio.to_thread(int, "7")
'''


@pytest.mark.parametrize("body", SLEEPING.values(), ids=SLEEPING)
async def test_calls_that_sleep_in_threads_leave_threads_to_other_functions(
    compose: Compose, tmp_path: Path, body: str
):
    sleeping = f'{HEAD}\nasync def get() -> str:\n    """Sleep."""\n{body}    return "done"\n'
    functions = functions_of(tmp_path, {"sleeping.py": sleeping, "reading.py": HEAD + READING})
    async with compose(functions) as caller:
        calls = [asyncio.create_task(caller.http.get("/sleeping")) for _ in range(40)]
        await asyncio.sleep(0.3)
        others = await asyncio.gather(*(caller.http.get("/reading") for _ in range(10)))
        slow = [call for call in calls if not call.done()]
        answers = await asyncio.gather(*calls)
    assert [(answer.status_code, answer.text) for answer in others] == [(200, "7")] * 10
    assert len(slow) == 40  # they were not over
    assert {answer.status_code for answer in answers} == {200, 504}  # eight at once


async def test_what_runs_in_a_thread_knows_its_call_and_raises_into_it(compose: Compose, tmp_path: Path):
    failing = HEAD + (
        'async def get() -> str:\n    """Fail."""\n    try:\n        await asyncio.to_thread(int, "x")\n'
        "    except ValueError:\n        return 'caught'\n    return ''\n"
    )
    async with compose(functions_of(tmp_path, {"failing.py": failing})) as caller:
        answer = await caller.http.get("/failing")
    assert (answer.status_code, answer.json()) == (200, "caught")


@pytest.mark.parametrize(
    "harm",
    [
        "await asyncio.get_running_loop().shutdown_default_executor()",
        "asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))",
    ],
)
async def test_a_function_neither_ends_nor_exchanges_the_threads_of_all(
    compose: Compose, tmp_path: Path, harm: str
):
    files = {
        "harms.py": f"{HEAD}async def get() -> None:\n    from concurrent.futures import ThreadPoolExecutor\n"
        f"    {harm}\n    asyncio.get_running_loop().run_in_executor(None, time.sleep, 4)\n",
        "asks.py": f"{HEAD}async def get() -> str:\n    return await asyncio.to_thread(str, 'well')\n",
    }
    async with compose(functions=functions_of(tmp_path, files)) as caller:
        await caller.anonymous("GET", "/harms")
        answer = await caller.anonymous("GET", "/asks")
    assert (answer.status_code, answer.text) == (200, '"well"')

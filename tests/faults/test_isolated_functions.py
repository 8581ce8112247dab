"""Functions with a process of their own: what harms that process is answered, and harms nobody else."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.listening import until
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import Service, annex

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
import logging
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
    if what == "large":
        return "x" * 50_000_000
    while what == "print":
        print("y")
    while what == "log":
        logging.getLogger(__name__).warning("again")
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
from collections.abc import AsyncIterator, Iterator

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


FILES = {"neighbour.py": NEIGHBOUR, "plain.py": PLAIN, "small.py": SMALL, "ticks.py": TICKS}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("isolated")
    settings = environment(Issuer(), NO_DATABASE, functions_of(folder, FILES), ANNEX_ISOLATED_PROCESSES="3")
    with annex("serve", folder, settings) as running:
        yield running


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


async def logged(service: Service, text: str) -> dict[str, Any]:
    """Return the line of the log that has a text, which is written a moment after the answer."""
    await until(lambda: text in service.log)
    line = next(line for line in service.log.splitlines() if text in line)
    return dict(json.loads(line))


async def test_call_runs_in_another_process_which_serves_the_next_one_as_well(
    service: Service, http: httpx.AsyncClient
):
    answers = [(await http.get("/plain")).json() for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert int(answers[0]) != service.process.pid


@pytest.mark.parametrize("what", ["regex", "loop", "wait", "print", "log"])
async def test_what_does_not_end_is_504_at_its_deadline_while_the_neighbour_answers(
    service: Service, http: httpx.AsyncClient, what: str
):
    # The first call tells which process the second gets: on one connection both are of one worker.
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as caller:
        pid = int((await caller.get("/plain")).json())
        call = asyncio.create_task(caller.get("/plain", params={"what": what}))
        neighbours = [await http.get("/neighbour") for _ in range(20)]
        answer = await call

    assert {each.text for each in neighbours} == {'"well"'}
    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
    if what != "wait":
        await until(lambda: not psutil.pid_exists(pid))
    assert (await http.get("/plain")).status_code == 200


async def test_blocked_thread_is_killed_at_its_deadline(service: Service, http: httpx.AsyncClient):
    pid = int((await http.post("/plain", params={"seconds": 0})).json())

    answer = await http.post("/plain")

    assert answer.json()["code"] == "deadline_exceeded"
    await until(lambda: not psutil.pid_exists(pid))


@pytest.mark.parametrize(("what", "ending"), [("segfault", "signal SIGSEGV"), ("exit", "exit status 3")])
async def test_process_that_ends_in_a_call_is_500_of_that_call_and_is_named_in_the_log(
    service: Service, http: httpx.AsyncClient, what: str, ending: str
):
    answer = await http.get("/plain", params={"what": what}, headers={"x-request-id": f"call-{what}"})
    line = await logged(service, f"an isolated call ended its process: {ending}")

    assert (answer.status_code, answer.json()["code"]) == (500, "function_crashed")
    assert (line["function"], line["level"]) == ("plain.py", "error")
    assert line["request_id"] == answer.json()["request_id"]
    assert (await http.get("/plain")).status_code == 200


async def test_more_memory_than_the_limit_is_503_of_that_call(service: Service, http: httpx.AsyncClient):
    answer = await http.get("/small", params={"what": "memory"})

    assert (answer.status_code, answer.json()["code"]) == (503, "out_of_memory")
    assert "retry-after" not in answer.headers
    assert (await logged(service, "an isolated call ran out of memory"))["function"] == "small.py"
    assert (await http.get("/small")).status_code == 200


async def test_process_killed_from_outside_has_run_out_of_memory(service: Service, http: httpx.AsyncClient):
    pid = int((await http.get("/small")).json())
    call = asyncio.create_task(http.get("/small", params={"what": "wait"}))
    await asyncio.sleep(0.3)
    os.kill(pid, signal.SIGKILL)

    assert (await call).json()["code"] == "out_of_memory"


async def test_exception_is_logged_as_any_without_its_text(service: Service, http: httpx.AsyncClient):
    answer = await http.get("/plain", params={"what": "raise"})
    line = await logged(service, "unhandled exception")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert (line["exception"], line["function"]) == ("LookupError", "plain.py")
    assert (line["request_id"], line["trace_id"]) == (answer.json()["request_id"], answer.json()["trace_id"])
    assert "a secret text" not in service.log


async def test_what_a_function_prints_is_a_line_of_the_log_with_the_ids_of_its_request(
    service: Service, http: httpx.AsyncClient
):
    answer = await http.get("/plain", params={"what": "whoever"})
    line = await logged(service, "printed by whoever")

    assert (line["message"], line["function"]) == ("printed by whoever", "plain.py")
    assert line["request_id"] == answer.headers["x-request-id"]


async def test_large_answer_arrives_whole_and_the_worker_never_holds_much_of_it(
    service: Service, http: httpx.AsyncClient
):
    worker = psutil.Process(service.process.pid)
    before = worker.memory_info().rss
    received, most = 0, 0
    async with http.stream("GET", "/plain?what=large", headers={"accept-encoding": "identity"}) as answer:
        async for piece in answer.aiter_raw(1 << 20):
            received += len(piece)
            most = max(most, worker.memory_info().rss - before)

    assert received == 50_000_002
    assert answer.headers["content-length"] == "50000002"
    assert most < 30_000_000


def events(text: str) -> list[str]:
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


async def test_stream_comes_from_another_process(service: Service, http: httpx.AsyncClient):
    answer = await http.get("/ticks")

    assert events(answer.text) == ["tick", "tick", "tick", "done"]
    assert f'"pid":{service.process.pid}' not in answer.text


@pytest.mark.parametrize(
    ("then", "code"),
    [("wait", "deadline_exceeded"), ("loop", "deadline_exceeded"), ("crash", "function_crashed")],
)
async def test_stream_that_cannot_go_on_ends_with_an_error_event(
    service: Service, http: httpx.AsyncClient, then: str, code: str
):
    answer = await http.get("/ticks", params={"then": then})

    assert events(answer.text)[-1] == "error"
    assert f'"code":"{code}"' in answer.text


async def test_process_of_a_stream_whose_caller_leaves_is_free_for_the_next_one(
    service: Service, http: httpx.AsyncClient
):
    async with http.stream("GET", "/ticks", params={"count": 100_000_000}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                break
    pid = json.loads(line.removeprefix("data: "))["pid"]

    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).cpu_percent(0.05) == 0)
    assert events((await http.get("/ticks")).text)[-1] == "done"


async def test_caller_who_leaves_ends_a_call_that_does_not_heed_it(service: Service, http: httpx.AsyncClient):
    pid = int((await http.get("/plain")).json())
    with pytest.raises(httpx.ReadTimeout):
        await http.get("/plain", params={"what": "loop"}, timeout=0.2)

    await until(lambda: not psutil.pid_exists(pid))


async def test_two_calls_at_once_have_two_processes(service: Service, http: httpx.AsyncClient):
    answers = await asyncio.gather(*(http.post("/plain", params={"seconds": 0.5}) for _ in range(2)))

    assert len({answer.text for answer in answers}) == 2


async def test_no_more_processes_run_than_the_limit_and_who_waits_in_vain_is_told(
    service: Service, http: httpx.AsyncClient
):
    calls = [http.post("/plain", params={"seconds": 60}) for _ in range(8)]
    running = asyncio.gather(*calls)
    most = 0
    while not running.done():
        most = max(most, len(forked(service)))
        await asyncio.sleep(0.05)
    codes = [answer.json()["code"] for answer in await running]

    assert most <= 3
    assert codes.count("deadline_exceeded") == 2  # one process is left to the other functions
    assert codes.count("overloaded") == 6


def forked(service: Service) -> list[psutil.Process]:
    """Return the processes of isolated functions: the children of the worker's only child."""
    template = psutil.Process(service.process.pid).children()
    return [each for one in template for each in one.children() if each.status() != psutil.STATUS_ZOMBIE]


async def test_one_function_leaves_a_process_to_the_others(service: Service, http: httpx.AsyncClient):
    calls = [asyncio.create_task(http.post("/plain", params={"seconds": 60})) for _ in range(6)]
    await asyncio.sleep(0.2)

    assert (await http.get("/small")).status_code == 200
    await asyncio.gather(*calls)

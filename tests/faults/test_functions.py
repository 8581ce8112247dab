"""Functions that harm their neighbours: one that blocks the loop, one that leaves things behind."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.figures import Figure
from tests.fixtures.listening import until
from tests.fixtures.production import SLOW, STANDING, environment, functions_of, served

pytestmark = pytest.mark.timeout(600)

NO_DATABASE = "postgresql://app@127.0.0.1:1/app"
LEAKING = '''"""A function that leaves tasks and open connections behind."""

import asyncio

from runtime import Function

config = Function(public=True)


async def wait(port: int) -> None:
    """Hold a connection for ever."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await reader.read()
    finally:
        writer.close()


async def get(port: int) -> str:
    """Start ten tasks and forget them."""
    for _ in range(10):
        asyncio.create_task(wait(port))
    await asyncio.sleep(0.01)
    return "done"
'''


async def test_a_function_that_blocks_the_loop_is_named_and_the_others_go_on_after_it(
    tmp_path: Path, issuer: Issuer, figure: Figure
):
    functions = functions_of(tmp_path, {"standing.py": STANDING, "slow.py": SLOW})
    async with (
        served(tmp_path, environment(issuer, NO_DATABASE, functions, ANNEX_STALL="0")) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        blocking = asyncio.create_task(http.get("/standing", params={"seconds": 3}))
        await until(lambda: "event loop blocked in standing.py:12 (get)" in service.log)
        began = time.perf_counter()
        other = await http.get("/slow", params={"seconds": 0})
        figure("others waited", f"{time.perf_counter() - began:.1f} s")
        await blocking
        await until(lambda: "event loop running again" in service.log)
    assert other.status_code == 200


async def test_a_worker_that_hangs_is_replaced(tmp_path: Path, issuer: Issuer):
    functions = functions_of(tmp_path, {"standing.py": STANDING, "slow.py": SLOW})
    settings = environment(issuer, NO_DATABASE, functions, ANNEX_HANG_TIMEOUT="1", ANNEX_STALL="0")
    async with (
        served(tmp_path, settings) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        with pytest.raises(httpx.TransportError):
            await http.get("/standing", params={"seconds": 100})
        other = await http.get("/slow", params={"seconds": 0})
    assert other.status_code == 200
    assert "standing.py:12 (get) was running" in service.log


async def test_what_a_function_leaves_behind_is_ended_and_the_process_stays_flat(
    tmp_path: Path, issuer: Issuer, figure: Figure, full: bool
):
    calls = 2_000 if full else 100
    functions = functions_of(tmp_path, {"leaking.py": LEAKING})
    taken = 0

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        await reader.read()
        writer.close()

    sink = await asyncio.start_server(take, "127.0.0.1", 0)
    port = sink.sockets[0].getsockname()[1]
    async with (
        served(tmp_path, environment(issuer, NO_DATABASE, functions)) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        process = service.worker
        await http.get("/leaking", params={"port": port})
        await until(lambda: len(process.net_connections()) < 5)
        files, memory = process.num_fds(), process.memory_info().rss
        for _ in range(calls // 10):
            await asyncio.gather(*(http.get("/leaking", params={"port": port}) for _ in range(10)))
        await until(lambda: process.num_fds() <= files + 12)
        grown = process.memory_info().rss - memory
        figure("tasks left behind", taken)
        figure("open files before and after", f"{files}, {process.num_fds()}")
        figure("memory grown by", f"{grown / 2**20:.1f} MiB")
    sink.close()
    assert taken >= calls * 10

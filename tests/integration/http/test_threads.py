"""Threads that a function starts belong to its call."""

from pathlib import Path

from tests.fixtures.app import Compose

STARTS = '''"""Start threads in every way, and return what each knows of the call."""

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import trace
from runtime import Function, Request

config = Function(public=True)
pool = ThreadPoolExecutor(1)


def known() -> str:
    """Return the trace that the thread belongs to."""
    return format(trace.get_current_span().get_span_context().trace_id, "032x")


class Own(threading.Thread):
    """A thread with a `run` of its own."""

    def run(self) -> None:
        """Note what is known."""
        self.seen = known()


def by(made: threading.Thread) -> None:
    """Let it run."""
    made.start()
    made.join()


async def get() -> dict[str, str]:
    """Ask each."""
    seen: dict[str, str] = {"here": known()}
    by(threading.Thread(target=lambda: seen.update(thread=known())))
    own = Own()
    by(own)
    seen["own"] = own.seen
    again = threading.Thread(target=lambda: seen.update(again=known()))
    again._started.set()
    with contextlib.suppress(RuntimeError):
        again.start()  # fails, as where no thread can be started
    again._started.clear()
    by(again)
    by(threading.Timer(0, lambda: seen.update(timer=known())))
    seen["pool"] = pool.submit(known).result()
    seen["mapped"] = next(iter(pool.map(lambda _: known(), [1])))
    seen["to_thread"] = await asyncio.to_thread(known)
    loop = asyncio.get_running_loop()
    seen["executor"] = await loop.run_in_executor(None, known)
    seen["own executor"] = await loop.run_in_executor(pool, known)
    return seen
'''


async def test_each_way_to_start_a_thread_keeps_the_trace_of_its_own_call(compose: Compose, tmp_path: Path):
    (tmp_path / "starts.py").write_text(STARTS)
    async with compose(tmp_path) as caller:
        first, second = [(await caller.anonymous("GET", "/starts")).json() for _ in range(2)]

    assert set(first.values()) == {first["here"]}, first
    assert "again" in first
    assert set(second.values()) == {second["here"]}, second
    assert first["here"] != second["here"]
    assert int(first["here"], 16)

"""A blocked loop is noticed, and the function that blocks it is named."""

import asyncio
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from runtime.telemetry import Watchdog
from tests.fixtures.listening import until

BLOCKING = """
def wait(released):
    released.wait(10)


async def get(released):
    wait(released)
"""


def blocking_function(folder: Path):
    file = folder / "reports" / "regime.py"
    scope: dict[str, Any] = {}
    exec(compile(BLOCKING, str(file), "exec"), scope)  # noqa: S102  # a function file, as the loader runs one
    return scope["get"]


class Lines(logging.Handler):
    """Sets an event when the first line comes."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        self.came.set()


@pytest.fixture
def lines():
    handler = Lines()
    logger = logging.getLogger("annex.watchdog")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


async def test_the_function_that_blocks_the_loop_is_named_once_with_its_line(tmp_path: Path, lines: Lines):
    get = blocking_function(tmp_path)
    with Watchdog(tmp_path, report_after=0.05):
        await get(lines.came)
        await until(lambda: len(lines.texts) == 2)
    assert lines.texts[0].startswith("event loop blocked in reports/regime.py:3 (wait)")
    assert "threading.py" in lines.texts[0]
    assert lines.texts[1].startswith("event loop running again")


async def test_a_loop_that_stands_still_for_too_long_ends_the_process(tmp_path: Path, lines: Lines):
    ended = threading.Event()
    statuses: list[int] = []

    def end(status: int) -> None:
        statuses.append(status)
        ended.set()

    with Watchdog(tmp_path, report_after=0.05, limit=0.1, end=end):
        await blocking_function(tmp_path)(ended)
    assert statuses == [70]


async def test_a_busy_loop_that_turns_is_left_alone(tmp_path: Path, lines: Lines):
    end = time.monotonic() + 1.2
    with Watchdog(tmp_path, report_after=0.5):
        while time.monotonic() < end:  # noqa: ASYNC110  # being busy is the point
            await asyncio.sleep(0)
    assert lines.texts == []

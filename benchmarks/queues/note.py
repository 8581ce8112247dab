"""What the job of each queue writes down; stands on the standard library alone."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(os.environ.get("BENCH_FOLDER", ""))
URL = os.environ.get("BENCH_URL", "")
COUNT = int(os.environ.get("BENCH_COUNT", "0"))
SINGLES = 20  # jobs that are queued one at a time
PAUSE = 0.3  # seconds between two of them
_done = 0


@contextmanager
def queueing() -> Iterator[None]:
    """Write down for how many seconds jobs are queued, the start of the program left out."""
    began = time.perf_counter()
    yield
    (FOLDER / "queueing").write_text(str(time.perf_counter() - began))


def note(sent: float) -> None:
    """Count one job; write down when the last of all was done, or how long a single one has waited."""
    global _done  # noqa: PLW0603  # one worker process counts its own
    if sent:
        with (FOLDER / "waits").open("a") as waits:
            waits.write(f"{time.time() - sent}\n")
        return
    _done += 1
    if _done == 1:
        (FOLDER / "begun").write_text(str(time.time()))
    if _done == COUNT:
        (FOLDER / "over").write_text(str(time.time()))

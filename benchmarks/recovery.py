"""How long a neighbour waits while a worker is lost: one worker, its spare, and many functions.

    .venv/bin/python -m benchmarks.recovery [--count 1000]

A caller asks a healthy function without a pause, each time on a connection of its own; meanwhile another function
ends, crashes or holds the worker. The longest wait of the caller is the figure.
"""

import argparse
import contextlib
import http.client
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from benchmarks.startup import write
from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import Service, annex, until

OPEN = (
    '"""A function."""\n\nimport ctypes, os, re\n\nfrom runtime import Function\n\n'
    "config = Function(public=True, timeout=100)\n\n\nasync def get() -> str:\n    "
)
FILES = {
    "good.py": f"{OPEN}return ''\n",
    "exits.py": f"{OPEN}os._exit(1)\n",
    "crashes.py": f"{OPEN}return str(ctypes.string_at(0))\n",
    "counts.py": f"{OPEN}return str(sum(range(10**13)))\n",
    "blocks.py": f"{OPEN}while True: pass\n",
}
NOWHERE = "postgres://nobody:nothing@127.0.0.1:9/none"


def ask(service: Service, path: str) -> None:
    """Call a function that may cost its worker."""
    with contextlib.suppress(httpx.TransportError):
        httpx.get(f"{service.url}{path}", timeout=60)


def kill(service: Service) -> None:
    """End the worker from outside."""
    service.worker.send_signal(signal.SIGKILL)


LOSSES: dict[str, Callable[[Service], None]] = {
    "SIGKILL from outside": kill,
    "`os._exit`": lambda service: ask(service, "/exits"),
    "a crash in C code": lambda service: ask(service, "/crashes"),
    "C code that holds the interpreter": lambda service: ask(service, "/counts"),
    "`while True` in `async def`, which is interrupted": lambda service: ask(service, "/blocks"),
}


def longest_wait(service: Service, lose: Callable[[Service], None]) -> tuple[float, int]:
    """Return the longest wait of a neighbour in seconds, and how many of its calls were lost."""
    over = threading.Event()
    waits: list[float] = []
    lost: list[str] = []

    def call() -> None:
        while not over.is_set():
            began = time.monotonic()
            # By hand: httpx takes longer to make a client than the service to answer.
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
            try:
                connection.request("GET", "/good")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    lost.append(str(answer.status))
            except (OSError, http.client.HTTPException) as error:
                lost.append(type(error).__name__)
            connection.close()
            waits.append(time.monotonic() - began)

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(0.5)
    lose(service)
    time.sleep(1)
    over.set()
    caller.join()
    return max(waits), len(lost)


def main() -> None:
    """Measure each loss on a service of its own."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=1000, help="of functions")
    given = asked.parse_args()
    print(f"one worker, a spare, {given.count} functions; load of the machine {os.getloadavg()[0]:.1f}\n")
    print("| what happens | longest wait of a neighbour | its calls lost |\n| --- | --- | --- |")
    for name, lose in LOSSES.items():
        with tempfile.TemporaryDirectory(prefix="annex-recovery-") as place:
            functions = functions_of(Path(place), FILES)
            write(functions, given.count)
            with annex(
                "serve", Path(place), environment(Issuer(), NOWHERE, functions), wait=False
            ) as service:
                until(lambda: service.log.count("stands by") == 2, seconds=300)
                wait, lost = longest_wait(service, lose)
        print(f"| {name} | {wait:.2f} s | {lost} |", flush=True)


if __name__ == "__main__":
    main()

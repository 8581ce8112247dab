"""The verdict of `annex check`, reached in a process of its own, which a function file may end or block.

The process that was asked runs no function. It hears of each file before that is touched, and believes
nothing but a verdict: where a child ends or falls silent without one, the file that it was at is refused, and
the check is made anew without it.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

GRACE = 2.0  # seconds beyond the import budget until a file is ended from outside
LOOK = 0.2  # seconds between two looks whether the child lives: what it started may hold its pipe open

_CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from runtime.commands.cli import main
sys.exit(main(sys.argv[2:]))
"""

type Refusal = dict[str, Any]
"""The keys of a `Fault`, which this process does not import."""


class Verdict(NamedTuple):
    """What was found: the lines to print, and the exit status."""

    lines: list[str]
    status: int


def reach(arguments: Sequence[str], *, budget: float) -> Verdict:
    """Return the verdict of a child.

    Args:
        arguments: the command line, as it was given.
        budget: seconds that one file may take to import.
    """
    refused: dict[str, Refusal] = {}
    while True:
        child = _Child([*arguments, "--refused", json.dumps([*refused.values()])], budget + GRACE)
        verdict = child.verdict()
        if verdict is not None:
            return verdict
        if not child.file or child.file in refused:
            text = (
                f"The check {child.fate} before it had a verdict, after {child.last or 'no file'} was read."
            )
            return Verdict([f"✗ check      {text} Take that file out of the folder and check again."], 1)
        refused[child.file] = {
            "file": child.file,
            "line": 0,
            "found": f"The process {child.fate} while this file was read and imported.",
            "cure": "Move what it does into the handler; an import should only define things.",
        }


class Line:
    """The child's end of the pipe to the process that was asked.

    Args:
        descriptor: of the pipe.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def at(self, file: str) -> None:
        """Tell which file is about to be touched; ``""`` for none."""
        self._send(file)

    def tell(self, verdict: Verdict) -> None:
        """Give the verdict."""
        self._send(verdict)

    def _send(self, message: object) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]


class _Child:
    """One process that checks.

    Attributes:
        file: what it was at when it ended, ``""`` for none.
        last: what it was at last.
        fate: how it ended, as the predicate of a sentence.
    """

    def __init__(self, arguments: Sequence[str], patience: float) -> None:
        self.file = self.last = self.fate = ""
        self._arguments = arguments
        self._patience = patience

    def verdict(self) -> Verdict | None:
        """Run it and return its verdict, None where it ends without one."""
        read, write = os.pipe()
        command = [sys.executable, "-c", _CHILD, json.dumps(sys.path), *self._arguments, "--tell", str(write)]
        process = subprocess.Popen(command, pass_fds=(write,))  # noqa: S603 - this very command
        os.close(write)
        try:
            for message in self._messages(read, process):
                if not isinstance(message, str):
                    return Verdict(*message)
                self.file, self.last = message, message or self.last
        finally:
            process.kill()  # a verdict is all that was wanted, and what it does at its end may take for ever
            process.wait()
            os.close(read)
        return None

    def _messages(self, read: int, process: subprocess.Popen[bytes]) -> Iterator[Any]:
        """Yield what it sends, until it ends or has been at one file for too long."""
        text = b""
        since = time.monotonic()
        while True:
            status = process.poll()  # asked first: what was sent before the end is still read
            if select.select([read], [], [], 0 if status is not None else LOOK)[0]:
                data = os.read(read, 1 << 16)
                *lines, text = (text + data).split(b"\n")
                if lines:
                    since = time.monotonic()
                yield from map(json.loads, lines)
                if data:
                    continue
            if status is not None:
                self.fate = _fate(status)
                return
            if self.file and time.monotonic() - since > self._patience:
                self.fate = f"was still busy after {self._patience:g} s, deaf to everything,"
                return
            if select.select([read], [], [], 0)[0]:  # closed by a child that lives on
                time.sleep(LOOK)


def _fate(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"

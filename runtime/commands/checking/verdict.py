"""The verdict of `annex check`, reached in a child process, which a function file may end or block.

The parent runs no function. The child reports each file before reading it, and then its verdict. Where it
ends or hangs without a verdict, the file that it was reading is refused, and another child checks without it.
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

GRACE = 2.0  # seconds beyond the import budget until the child is ended
POLL_INTERVAL = (
    0.2  # seconds between two looks whether the child lives: what it started may hold its pipe open
)

_CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from runtime.commands.cli import main
sys.exit(main(sys.argv[2:]))
"""

type Refusal = dict[str, Any]
"""The keys of a `Fault`, which this process does not import."""


class Verdict(NamedTuple):
    """The lines to print, and the exit status."""

    lines: list[str]
    status: int


def verdict(arguments: Sequence[str], *, budget: float) -> Verdict:
    """Return the verdict of a child process.

    Args:
        arguments: of the command line.
        budget: seconds that one file may take to import.
    """
    refused: dict[str, Refusal] = {}
    while True:
        child = _Child([*arguments, "--refused", json.dumps([*refused.values()])], budget + GRACE)
        if reached := child.verdict():
            return reached
        if not child.file or child.file in refused:
            where = f"after reading {child.last}" if child.last else "before reading any file"
            cure = "Move that file out of the folder and check again."
            named = [
                _line("files", f"{each['file']}: {each['found']} {each['cure']}") for each in refused.values()
            ]
            return Verdict([*named, _line("check", f"The check {child.fate} {where}. {cure}")], 1)
        refused[child.file] = {
            "file": child.file,
            "line": 0,
            "found": f"The process {child.fate} while this file was imported.",
            "cure": "Move that code into a handler; importing a file must only define things.",
        }


class ReportPipe:
    """The child's end of the pipe to its parent.

    Args:
        descriptor: of the pipe.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: str | Verdict) -> None:
        """Send the file that is read next (``""`` for none), or the verdict."""
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]


class _Child:
    """One process that checks.

    Attributes:
        file: what it was reading when it ended, ``""`` for none.
        last: what it read last.
        fate: how it ended, as the predicate of a sentence.
    """

    def __init__(self, arguments: Sequence[str], timeout: float) -> None:
        self.file = self.last = self.fate = ""
        self._arguments = arguments
        self._timeout = timeout

    def verdict(self) -> Verdict | None:
        """Run it and return its verdict, None when it ends without one."""
        read, write = os.pipe()
        command = [
            sys.executable,
            "-c",
            _CHILD,
            json.dumps(sys.path),
            *self._arguments,
            "--report-to",
            str(write),
        ]
        process = subprocess.Popen(command, pass_fds=(write,))  # noqa: S603 - this very command
        os.close(write)
        try:
            for message in self._messages(read, process):
                if not isinstance(message, str):
                    return Verdict(*message)
                self.file, self.last = message, message or self.last
        finally:
            process.kill()  # the verdict is enough, and its exit handlers may never end
            process.wait()
            os.close(read)
        return None

    def _messages(self, read: int, process: subprocess.Popen[bytes]) -> Iterator[Any]:
        """Yield what it sends, until it ends or takes too long over one file."""
        text = b""
        since = time.monotonic()
        while True:
            status = process.poll()  # asked first: what was sent before the end is still read
            if select.select([read], [], [], 0 if status is not None else POLL_INTERVAL)[0]:
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
            if self.file and time.monotonic() - since > self._timeout:
                self.fate = f"did not respond for {self._timeout:g} s"
                return
            if select.select([read], [], [], 0)[0]:  # closed by a child that lives on
                time.sleep(POLL_INTERVAL)


def _line(area: str, text: str) -> str:
    """Write a finding, as the child would."""
    return f"✗ {area:<10} {text}"


def _fate(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"

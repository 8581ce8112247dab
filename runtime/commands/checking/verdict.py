"""The verdict of `annex check`, reached in a child process, which a function file may end or block.

The parent runs no function. The child is told which files would harm it, reports each file before reading
it, and then its verdict. Where it ends or hangs nevertheless, the file that it was reading is refused, and
another child checks without it.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, NamedTuple, cast

from runtime.refusal import Refusal

GRACE = 2.0  # seconds beyond the import budget until the child is ended
EXAMINATION = 120.0  # seconds more for what is examined when all files are imported
POLL_INTERVAL = (
    0.2  # seconds between two looks whether the child lives: what it started may hold its pipe open
)

_CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from runtime.commands.cli import main
sys.exit(main(sys.argv[2:]))
"""


class Verdict(NamedTuple):
    """The lines to print, and the exit status."""

    lines: list[str]
    status: int


def verdict(arguments: Sequence[str], harmful: Callable[[], Iterable[Refusal]], *, budget: float) -> Verdict:
    """Return the verdict of a child process.

    Args:
        arguments: of the command line.
        harmful: finds the files that the child must not run; called while it starts.
        budget: seconds that one file may take to import.
    """
    child = _Child(arguments, budget + GRACE)
    refused = {each.file: each for each in harmful()}
    while True:
        if reached := child.verdict(refused.values()):
            return reached
        if not child.file or child.file in refused:
            where = f"after reading {child.last}" if child.last else "before reading any file"
            cure = "Move that file out of the folder and check again."
            named = [
                _line("files", f"{each.file}:{each.line}: {each.found} {each.cure}")
                for each in refused.values()
            ]
            return Verdict([*named, _line("check", f"The check {child.fate} {where}. {cure}")], 1)
        refused[child.file] = Refusal(
            file=child.file,
            line=0,
            found=f"The process {child.fate} while this file was imported.",
            cure="Move that code into a handler; importing a file must only define things.",
            is_readable=False,
        )
        child = _Child(arguments, budget + GRACE)


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
        self._timeout = timeout
        self._pipe, write = os.pipe()
        told = [json.dumps(sys.path), *arguments, "--report-to", str(write)]
        self._process = subprocess.Popen(  # noqa: S603 - this very command
            [sys.executable, "-c", _CHILD, *told], pass_fds=(write,), stdin=subprocess.PIPE
        )
        os.close(write)

    def verdict(self, refused: Iterable[Refusal]) -> Verdict | None:
        """Tell it which files not to run, and return its verdict, None when it ends without one."""
        with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", self._process.stdin) as stdin:
            stdin.write(json.dumps([*refused]).encode())
        try:
            for message in self._messages(self._pipe, self._process):
                if not isinstance(message, str):
                    return Verdict(*message)
                self.file, self.last = message, message or self.last
        finally:
            self._process.kill()  # the verdict is enough, and its exit handlers may never end
            self._process.wait()
            os.close(self._pipe)
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
            allowed = self._timeout if self.file else self._timeout + EXAMINATION
            if time.monotonic() - since > allowed:
                self.fate = f"did not respond for {allowed:g} s"
                return
            if select.select([read], [], [], 0)[0]:  # closed by a child that lives on
                time.sleep(POLL_INTERVAL)


def _line(area: str, text: str) -> str:
    """Write a finding, as the child would."""
    return f"✗ {area:<10} {text}"


def _fate(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"

"""The side that asks: it starts the process that tries files, and reads what became of them."""

import contextlib
import json
import select
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runtime.refusal import Refusal
from runtime.rehearsal.start import Watcher, spawned

SILENCE = (
    30.0  # seconds beyond the import budget until the process that tries counts as lost; it may have to start
)
STARTS = 10  # attempts for files that end even the process that watches


class Rehearsal:
    """A child process that tries function files, warm from the first question to `close`.

    It starts at once, so that what the caller does before the first question costs no time.

    Args:
        functions: the folder.
        budget: seconds that one file may take to be read and imported.
        stays: more questions will follow, so the child imports in advance what the files need.
        start: starts the child.
        part: which part of the files this one tries, and of how many.
    """

    def __init__(
        self,
        functions: Path,
        *,
        budget: float,
        stays: bool = False,
        start: Callable[[], Watcher] = spawned,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        self._functions = functions.resolve()
        self._budget = budget
        self._stays = stays
        self._start = start
        self._part = part
        self._stage = start()
        self._is_asked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        self._stage.close()

    def begin(self) -> None:
        """Let the child begin with all files, before somebody waits in `refusals`."""
        self._ask(None, ())
        self._is_asked = True

    def refusals(self, files: Iterable[str] | None = None) -> tuple[Refusal, ...]:
        """Try files and return those that must not run.

        Args:
            files: paths below the folder; all of it by default.
        """
        asked = None if files is None else sorted(files)
        found: dict[str, Refusal] = {}
        for _ in range(STARTS):
            last = ""
            if not self._is_asked:
                self._ask(asked, found)
            self._is_asked = False
            for message in self._messages():
                if message.get("done"):
                    return tuple(found.values())
                last = message.get("reading", last)
                if "refused" in message:
                    refusal = Refusal(**message["refused"])
                    found[refusal.file] = refusal
            self.close()
            self._stage = self._start()
            if last:
                found[last] = Refusal(
                    file=last,
                    line=0,
                    found="The process that watches the imports ended or fell silent at this file.",
                    cure="Move that code into a handler; importing a file must only define things.",
                    is_readable=False,
                )
        return tuple(found.values())

    def _ask(self, files: list[str] | None, found: Iterable[str]) -> None:
        question = {
            "functions": str(self._functions),
            "budget": self._budget,
            "files": files,
            "without": [*found],
            "stays": self._stays,
            "part": self._part,
        }
        with contextlib.suppress(BrokenPipeError):  # then nothing is heard of it either
            self._stage.questions.write(json.dumps(question).encode() + b"\n")

    def _messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the child says, until it ends or falls silent."""
        text = b""
        deadline = time.monotonic() + self._budget + SILENCE
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._stage.answers], [], [], left)[0]:
                return
            data = self._stage.answers.read(1 << 16)
            if not data:
                return
            deadline = time.monotonic() + self._budget + SILENCE
            *lines, text = (text + data).split(b"\n")
            yield from map(json.loads, lines)


def rehearse(
    functions: Path, *, budget: float, start: Callable[[], Watcher] = spawned, parts: int = 1
) -> tuple[Refusal, ...]:
    """Try all files of a folder in a child process and return those that must not run in this one.

    Args:
        functions: the folder.
        budget: seconds that one file may take to be read and imported; the third that hangs, and those after
            it, get a tenth.
        start: starts the child.
        parts: into how many parts many files are divided; each is tried by a child of its own.
    """
    with contextlib.ExitStack() as stack:
        several = [
            stack.enter_context(Rehearsal(functions, budget=budget, start=start, part=(number, parts)))
            for number in range(parts)
        ]
        for each in several:
            each.begin()
        return tuple(refusal for each in several for refusal in each.refusals())

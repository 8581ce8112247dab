"""Two ways to start the process that tries files: a new interpreter, or a fork of this one."""

import contextlib
import faulthandler
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO, NamedTuple, NoReturn

_SERVE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from runtime.rehearsal.stage import serve
serve()
"""


ROOM = 1 << 20  # bytes that wait to be read: a line for each file


class Watcher(NamedTuple):
    """A started process.

    Attributes:
        questions: to it, a line each.
        answers: from it.
        end: ends it at once, and waits for its end.
    """

    questions: IO[bytes]
    answers: IO[bytes]
    end: Callable[[], object]

    def close(self) -> None:
        """End it, and close what leads to it."""
        self.questions.close()
        self.answers.close()
        self.end()


def spawned() -> Watcher:
    """Start an interpreter of its own, which imports the runtime first."""
    command = [sys.executable, "-W", "ignore", "-c", _SERVE, json.dumps(sys.path)]
    process = subprocess.Popen(  # noqa: S603 - this very interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
    )
    assert process.stdin is not None  # noqa: S101 - pipes, as asked for
    assert process.stdout is not None  # noqa: S101

    def end() -> None:
        process.kill()
        process.wait()

    return Watcher(process.stdin, process.stdout, end)


def forked() -> Watcher:
    """Fork this process, which must have a single thread; what it has imported need not be imported again."""
    asked, questions = os.pipe()
    answers, given = os.pipe()
    with contextlib.suppress(AttributeError, OSError):  # it may have to wait for its reader: not for room
        fcntl.fcntl(given, fcntl.F_SETPIPE_SZ, ROOM)
    child = os.fork()
    if not child:
        _serve(asked, given)
    os.close(asked)
    os.close(given)

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    return Watcher(os.fdopen(questions, "wb", buffering=0), os.fdopen(answers, "rb", buffering=0), end)


def _serve(asked: int, given: int) -> NoReturn:
    """Answer the questions of the process that forked this one, and let go of all that is that one's."""
    try:
        os.setsid()
        faulthandler.disable()
        faulthandler.unregister(signal.SIGUSR2)
        os.dup2(asked, 0)
        os.dup2(given, 1)
        os.closerange(3, 1 << 16)
        from runtime.rehearsal.stage import serve  # not in the process that serves

        serve()
        os._exit(0)
    finally:
        os._exit(1)

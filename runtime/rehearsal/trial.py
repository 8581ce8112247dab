"""What a fork does: it tries files until one would harm the process that serves, and ends."""

import faulthandler
import fcntl
import os
import resource
import sys
import sysconfig
import threading
import time
from functools import partial
from pathlib import Path

import msgspec

from runtime.refusal import Refusal
from runtime.rehearsal.lasting import Lasting, Watch
from runtime.rehearsal.memory import available
from runtime.rehearsal.places import LineTracer, Mark
from runtime.routing.discovery import attempt
from runtime.routing.importing.guard import Guard

WAITED_FOR = 10  # files with threads for which a fork lingers
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
OUT_OF_REACH = 300  # the lowest descriptor for what must survive a file that closes the usual ones

_write, _exit, _encode = os.write, os._exit, msgspec.json.encode  # a file may take them away


def perform(  # noqa: PLR0913 - all by name
    root: Path,
    files: list[str],
    *,
    budget: float,
    hung: int,
    pipe: int,
    dump: int,
    mark: Mark,
    is_traced: bool,
    linger: float,
) -> None:
    """Try files, tell each on `pipe`, and end this process.

    Args:
        root: the functions folder.
        files: below it.
        budget: seconds for each.
        hung: how many files before these have used it up.
        pipe: where to tell.
        dump: the file into which faulthandler writes.
        mark: where to note what runs.
        is_traced: note each line.
        linger: seconds to wait after a file that has left a thread.
    """
    pipe = _prepared(pipe, dump)
    say = partial(_say, pipe, mark)
    loaded = {*sys.modules}
    watch = Watch()
    guard = Guard(root, budget, hung=hung)
    busy = 0
    for position, file in enumerate(files):
        mark.set(0, is_running=False)
        say({"reading": position})
        threads = {*threading.enumerate()}
        if is_traced:
            harmed = partial(_is_other, Lasting.read())
            threading.settrace(LineTracer(str(root / file), mark, harmed))
        refusal = _attempted(guard, watch, file, mark)
        if refusal:
            say({"refused": refusal._asdict(), "hung": bool(guard.harmful)})
            _exit(0)
        left = {*threading.enumerate()} - threads
        if any(not each.name.endswith(file) for each in left):  # the guard's own ends in a moment
            say({"busy": position})
            time.sleep(linger if busy < WAITED_FOR else 0)
            busy += 1
    say({"imported": [name for name in sys.modules if name not in loaded and _is_library(name)]})
    _exit(0)


def _prepared(pipe: int, dump: int) -> int:
    """Leave the asker's session, standard streams and limits; return the pipe's new descriptor."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    faulthandler.enable(fcntl.fcntl(dump, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory := available():
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, most))
    return fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH)


def _attempted(guard: Guard, watch: Watch, file: str, mark: Mark) -> Refusal | None:
    before = Lasting.read()
    watch.begin(str(guard.root / file))
    fault = attempt(guard, file, lambda: mark.set(mark.line, is_running=True))
    if fault:
        return Refusal(fault.file, fault.line, fault.found, fault.cure)
    change = watch.change or before.difference(Lasting.read())
    if change:
        return Refusal(file, watch.line or mark.line, f"The import {change.what}.", change.cure)
    return None


def _is_library(name: str) -> bool:
    """Say whether a module is an installed library; what a team writes itself changes between questions."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return isinstance(file, str) and file.startswith(_LIBRARIES)


def _is_other(before: Lasting) -> bool:
    return before.difference(Lasting.read()) is not None


def _say(pipe: int, mark: Mark, message: dict[str, object]) -> None:
    try:
        _write(pipe, _encode(message) + b"\n")
    except OSError:  # a file has closed it
        mark.set(mark.line, is_running=True, is_cut_off=True)
        _exit(1)

"""Interrupts a function that holds the event loop.

A step of a coroutine that never awaits (`while True`, `time.sleep`, a library that blocks) stops everybody,
and its own timeout cannot reach it, because timeouts need the loop. So a timer of the process rings while
the loop is silent; its handler runs on top of whatever the loop runs, and raises there if that is the
overdue function. A loop that turns sets the timer back before it rings, so a step costs nothing
(docs/adr/0132-interrupts.md).

Raised anywhere else, the exception would hit somebody else: a callback of the loop, a lock that is never
released, a neighbour's future that is never woken. So the stack decides.
"""

import asyncio
import logging
import opcode
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Self

from runtime.asgi.invocation import Invocation, current
from runtime.gate.loop_turns import LoopTurns
from runtime.routing.calling.adapter import Adapter
from runtime.routing.calling.exits import Contained, Interrupted
from runtime.telemetry import EXIT_STATUS, culprit, last_words, places

logger = logging.getLogger(__name__)

TURN = 0.25  # seconds between two signs of life of the loop
SAMPLE = 0.1  # seconds between two rings while there is none
SOON = 0.005  # seconds to the next ring where the function is overdue, but must not be interrupted just there
LEAST = 0.5  # seconds that a step has whatever its deadline: an answer that is nearly ready is worth sending
AGAIN = 1.0  # seconds to clean up after an interrupt before the next one
TRIES = 3  # interrupts that a function may swallow
STILL = 0.5  # seconds after which a frame counts as what holds the loop rather than as passed through
STILL_RINGS = 4  # in which it was seen: seconds alone would tell the same of a process that was not scheduled
STUCK = 1.0  # seconds after which an instruction does
STUCK_RINGS = 8
STACK = 12  # places in the log

_STEPS = frozenset(each.__code__ for each in (Adapter.__call__, Contained.send, Contained.throw))
"""The code below which everything belongs to one call: its function, or a task that it started."""

_NEVER = frozenset(
    (
        *("asyncio", "uvloop", "selectors", "contextvars", "runtime", "litestar", "uvicorn", "asyncpg"),
        *("opentelemetry", "shared.agents", "shared.database", "shared.errors", "shared.events"),
        *("shared.identity", "shared.secret", "shared.throttle"),
    )
)
"""Packages whose frames keep what others wait for: their own state must stay whole."""

_UNWILLING = frozenset(
    (
        *("threading", "queue", "concurrent", "logging", "contextlib", "weakref", "_weakrefset"),
        *("anyio", "httpx", "httpcore", "redis"),
    )
)
"""Packages that are interrupted only where they are what holds the loop, as a wait for a lock is."""

_ENTRANCES = frozenset(("__enter__", "__exit__", "__aenter__", "__aexit__", "__del__"))
"""Likewise: what they take or give back would be lost."""

_DEBUGGERS = frozenset(["bdb", "pdb", "ipdb", "pudb", "pydevd", "_pydevd_bundle", "debugpy"])

_CACHE = opcode.opmap["CACHE"]
_AWAITS = opcode.opmap["GET_AWAITABLE"]
_ENTERS = opcode.opmap.get("LOAD_SPECIAL")  # since Python 3.14; before, a `with` cannot be interrupted there

INTERRUPTED = (
    "%s held the event loop for %.1f s and was interrupted (running %s);"
    " move the blocking call to a plain `def` handler, or await its asynchronous form"
)
TAKEN = (
    "a function took SIGALRM, by which the service interrupts what holds the event loop;"
    " it was taken back: use asyncio.timeout instead of an alarm"
)
SWALLOWED = "%s holds the event loop although it was interrupted %d times; ending the process"


class _Watch:
    """For how long, and in how many rings, the same thing was seen."""

    __slots__ = ("_rings", "_since", "_what")

    def __init__(self) -> None:
        self._what: object = None
        self._since = 0.0
        self._rings = 0

    def see(self, what: object, now: float) -> None:
        """Note what is there now."""
        if what != self._what:
            self._what, self._since, self._rings = what, now, 0
        self._rings += 1

    def lasts(self, seconds: float, rings: int, now: float) -> bool:
        """Whether it has been there for so long, and in so many rings."""
        return now - self._since >= seconds and self._rings >= rings


class _Step:
    """One step of one task, as far as the rings have seen it.

    Attributes:
        base: its outermost frame; tasks that it starts eagerly run on top, and are part of it.
        since: when it was first seen; it began earlier.
        raised: how often it was interrupted.
        rests_until: before which it is not interrupted again.
    """

    __slots__ = ("_guard", "_instruction", "base", "raised", "rests_until", "since")

    def __init__(self, base: FrameType, now: float) -> None:
        self.base = base
        self.since = now
        self.raised = 0
        self.rests_until = 0.0
        self._guard = _Watch()
        self._instruction = _Watch()

    def may_be_interrupted(self, frame: FrameType, functions: str, now: float) -> bool:
        """Note where the step is, and tell whether an exception raised there hits the function alone."""
        guard = _guard(frame, functions)
        self._guard.see(guard, now)
        self._instruction.see((frame, frame.f_lasti), now)
        if _packages(frame) & _NEVER or _is_importing(frame, self.base):
            return False
        if _is_handing_over(frame) and not self._instruction.lasts(STUCK, STUCK_RINGS, now):
            return False
        return guard is None or self._guard.lasts(STILL, STILL_RINGS, now)


class Interrupter:
    """A context manager, entered on the loop that it watches.

    Python runs the handlers of signals in the main thread: a loop elsewhere is left to the watchdog, and so
    is one in a process where somebody else handles the alarm.

    Args:
        functions: the folder whose files are named.
        stall: seconds that one step may take; 0 for no limit.
        alive: called with each ring while the process is not given up: steps change, or will be interrupted.
        end: ends the process.
    """

    def __init__(
        self,
        functions: Path,
        stall: float,
        *,
        alive: Callable[[], object] = lambda: None,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._functions = functions.resolve()
        self._folder = f"{self._functions}{os.sep}"
        self._stall = stall
        self._alive = alive
        self._end = end
        self._step: _Step | None = None
        self._is_ringing = False
        self._loop: asyncio.AbstractEventLoop
        self._turn: asyncio.TimerHandle | None = None
        self._turns = LoopTurns(lambda frame: self.ring(signal.SIGALRM, frame))

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if self._stall and is_main and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
            self._loop = asyncio.get_running_loop()
            signal.signal(signal.SIGALRM, self.ring)
            self.wind()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turns.forget()
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def ring(self, _: int, frame: FrameType | None) -> None:
        """Handle the alarm: raise inside what holds the loop, if it is overdue and may be interrupted here.

        Raises:
            Interrupted: it is.
        """
        if self._is_ringing:  # a handler can be interrupted by the next ring
            return
        self._is_ringing = True
        try:
            self.judge(frame)
        finally:
            self._is_ringing = False

    def judge(self, frame: FrameType | None) -> None:
        """Do as `ring`; no other ring comes between."""
        now, call = time.monotonic(), current.get()
        base = _base(frame, asyncio.current_task(self._loop), self._folder)
        if frame is None or base is None:
            self._step = None
            return
        if self._step is None or self._step.base is not base:
            self._step = _Step(base, now)
        step = self._step
        may_be_interrupted = step.may_be_interrupted(frame, self._folder, now)
        is_due = now >= self.due(call, step)
        if may_be_interrupted or not is_due:
            self._alive()
        if is_due and step.raised == TRIES:
            self._give_up(call, step)
        elif is_due and may_be_interrupted:
            self._report(call, step, frame)
            step.raised += 1
            step.rests_until = time.monotonic() + AGAIN
            self._turns.forget()
            raise Interrupted
        else:  # set anew, since a function may have set it for itself
            signal.setitimer(signal.ITIMER_REAL, SOON if is_due else SAMPLE, SAMPLE)
            if is_due:
                self._turns.watch(_own_code(frame, base, self._folder))

    def due(self, call: Invocation | None, step: _Step) -> float:
        """Return when a step may be interrupted, on the clock of `time.monotonic`.

        After `stall` seconds; sooner where the deadline of its call passes, which its timeout cannot keep.
        """
        at = step.since + self._stall
        if call is not None and call.deadline is not None:
            at = min(at, max(step.since + LEAST, call.deadline))
        return max(at, step.rests_until)

    def wind(self) -> None:
        """Set the timer back: the loop turns."""
        self._step = None
        self._turns.forget()
        handler = signal.getsignal(signal.SIGALRM)
        if handler != self.ring:
            logger.error(TAKEN, extra={"handler": getattr(handler, "__qualname__", type(handler).__name__)})
            signal.signal(signal.SIGALRM, self.ring)
        signal.setitimer(signal.ITIMER_REAL, TURN + SAMPLE, SAMPLE)
        self._turn = self._loop.call_later(TURN, self.wind)

    def _report(self, call: Invocation | None, step: _Step, frame: FrameType) -> None:
        stack = places(frame)
        where, innermost = culprit(stack, self._functions)
        file = _file(call) if call is not None else where.file
        extra = {"function": file, "line": where.line, "stack": [str(each) for each in stack[:STACK]]}
        logger.error(INTERRUPTED, where, _age(step.since), innermost, extra=extra)

    def _give_up(self, call: Invocation | None, step: _Step) -> None:
        extra = {"function": _file(call)}
        last_words(lambda: logger.critical(SWALLOWED, _file(call), step.raised, extra=extra))
        self._end(EXIT_STATUS)


def _file(call: Invocation | None) -> str:
    return call.endpoint.file if call is not None and call.endpoint is not None else "?"


def _age(moment: float) -> float:
    return time.monotonic() - moment


def _is_handing_over(frame: FrameType) -> bool:
    """Whether a frame has just called what it will await, or what it enters with `with`.

    An exception between the two would leave an `__aexit__` that is never awaited: a lock that stays locked.
    """
    code, at = frame.f_code.co_code, frame.f_lasti
    after = at + 2
    while after < len(code) and code[after] == _CACHE:
        after += 2
    is_awaited = after < len(code) and code[after] == _AWAITS
    return is_awaited or (at >= 2 and code[at - 2] == _ENTERS)


def _base(frame: FrameType | None, task: "asyncio.Task[object] | None", functions: str) -> FrameType | None:
    """Return the outermost frame that belongs to a call; None in a callback, and in the service's own code.

    A task that was made without the service's factory begins in the function's own code.
    """
    marked = [each for each in _stack(frame) if each.f_code in _STEPS]
    if marked:
        return marked[-1]
    own: FrameType | None = getattr(task.get_coro(), "cr_frame", None) if task is not None else None
    return own if own is not None and own.f_code.co_filename.startswith(functions) else None


def _guard(frame: FrameType, functions: str) -> FrameType | None:
    """Return the frame, at or below the innermost, up to the function's own code, that is to be spared."""
    for each in _stack(frame):
        if each.f_code.co_name in _ENTRANCES or _packages(each) & (_NEVER | _UNWILLING):
            return each
        if each.f_code.co_filename.startswith(functions):
            return None
    return None


def _own_code(frame: FrameType, base: FrameType, functions: str) -> Iterator[CodeType]:
    """Yield the function's own code in a step, innermost first."""
    for each in _stack(frame):
        if each.f_code.co_filename.startswith(functions):
            yield each.f_code
        if each is base:
            return


def _is_importing(frame: FrameType, base: FrameType) -> bool:
    """Whether an import or a debugger is under way in a step."""
    for each in _stack(frame):
        if each is base:
            return False
        if each.f_code.co_filename.startswith("<frozen importlib") or _packages(each) & _DEBUGGERS:
            return True
    return False


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _packages(frame: FrameType) -> set[str]:
    """Return the names of the package and of the subpackage that a frame's code is in."""
    name = str(frame.f_globals.get("__name__", ""))
    return {name.partition(".")[0], ".".join(name.split(".")[:2])}

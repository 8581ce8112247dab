"""Where the loops of a function begin their next turn, on the main thread.

A signal meets a function there only if it comes while nothing runs that the function has called.
"""

import inspect
import opcode
import sys
import threading
from collections.abc import Callable, Iterable
from types import CodeType, FrameType

TOOL = 4  # of sys.monitoring; debuggers, coverage and profilers have others
_EVENTS = sys.monitoring.events
_SEND = opcode.opmap["SEND"]  # the loop of an `await`, which must not lose what it awaits


class LoopTurns:
    """Tells of each turn of a loop in some code objects, whether their frames run already or not.

    Args:
        heard: called with the frame, before the turn; what it raises is raised there.
    """

    def __init__(self, heard: Callable[[FrameType], object]) -> None:
        self._heard = heard
        self._codes: set[CodeType] = set()
        self._last = (0, 0)  # frame and place of the instruction before

    def watch(self, codes: Iterable[CodeType]) -> None:
        """Tell of these too from now on; of none where another tool has the place."""
        news = {*codes} - self._codes
        if not news:
            return
        if not self._codes:
            try:
                sys.monitoring.use_tool_id(TOOL, __name__)
            except ValueError:
                return
            # Each instruction: CPython 3.13 loses the handlers of what is raised at a JUMP.
            sys.monitoring.register_callback(TOOL, _EVENTS.INSTRUCTION, self._reached)
        for code in news:
            sys.monitoring.set_local_events(TOOL, code, _EVENTS.INSTRUCTION)
        self._codes |= news

    def forget(self) -> None:
        """Tell of none any more."""
        if self._codes:
            for code in self._codes:
                sys.monitoring.set_local_events(TOOL, code, _EVENTS.NO_EVENTS)
            self._codes = set()
            sys.monitoring.register_callback(TOOL, _EVENTS.INSTRUCTION, None)
            sys.monitoring.free_tool_id(TOOL)

    def _reached(self, code: CodeType, at: int) -> None:
        here = inspect.currentframe()
        if here is None or here.f_back is None or threading.current_thread() is not threading.main_thread():
            return
        (frame, before), self._last = self._last, (id(here.f_back), at)
        if frame == id(here.f_back) and at < before and code.co_code[at] != _SEND:
            self._heard(here.f_back)

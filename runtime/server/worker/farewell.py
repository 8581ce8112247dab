"""Where a function ends its process in a way that leaves no trace: the place is noted before it happens."""

import faulthandler
import os
import signal
from collections.abc import Callable
from functools import wraps
from typing import Any


def note_farewells(stacks: int) -> None:
    """From now on write the stack to a descriptor before `os._exit`, and before SIGKILL for this process.

    Without it the parent knows which calls were under way, and would have to guess which of them it was.
    """
    own = os.getpid()

    def noted(end: Callable[..., Any], is_end: Callable[..., bool]) -> Callable[..., Any]:
        @wraps(end)
        def ended(*given: Any, **named: Any) -> Any:
            if os.getpid() == own and is_end(*given, **named):  # not in a fork
                faulthandler.dump_traceback(stacks, all_threads=False)
            return end(*given, **named)

        return ended

    os._exit = noted(os._exit, lambda *_, **__: True)
    os.kill = noted(os.kill, lambda *given, **_: given in {(own, signal.SIGKILL), (0, signal.SIGKILL)})

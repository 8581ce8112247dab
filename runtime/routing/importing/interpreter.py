"""Settings of the interpreter and its libraries that all files share, with how to put each back."""

import asyncio
import decimal
import gc
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from runtime.routing.importing.identity import Identified, identified

NEW_OBJECTS = 200_000  # that are made while files are imported until garbage among them is collected


class Setting(NamedTuple):
    """One setting: as the object of a sentence, how to read it, how to put it back."""

    what: str
    read: Callable[[], Any]
    put_back: Callable[[Any], object]


def _gc_back(before: tuple[bool, tuple[int, int, int]]) -> None:
    is_enabled, thresholds = before
    gc.set_threshold(*thresholds)
    (gc.enable if is_enabled else gc.disable)()


def _decimal() -> tuple[Any, ...]:
    held = decimal.DefaultContext
    return held.prec, held.rounding, held.Emin, held.Emax, dict(held.traps)


def _decimal_back(before: tuple[Any, ...]) -> None:
    held = decimal.DefaultContext
    held.prec, held.rounding, held.Emin, held.Emax = before[:4]
    for signal, is_trapped in before[4].items():
        held.traps[signal] = is_trapped


def _hooks_back(before: Identified) -> None:
    sys.excepthook, sys.unraisablehook, threading.excepthook = (each for _, each in before)


def _policy_back(before: Identified) -> None:
    asyncio.set_event_loop_policy(before[0][1])


SETTINGS = (
    Setting("the garbage collection", lambda: (gc.isenabled(), gc.get_threshold()), _gc_back),
    Setting("the stack size of threads", threading.stack_size, threading.stack_size),
    Setting("the default timeout of sockets", socket.getdefaulttimeout, socket.setdefaulttimeout),
    Setting("the limit for digits of integers", sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    Setting("the default context of decimals", _decimal, _decimal_back),
    Setting(
        "the hooks for uncaught exceptions",
        lambda: identified(sys.excepthook, sys.unraisablehook, threading.excepthook),
        _hooks_back,
    ),
    Setting("the policy of event loops", lambda: identified(asyncio.get_event_loop_policy()), _policy_back),
)


def read() -> list[Any]:
    """Return all settings as they are."""
    return [setting.read() for setting in SETTINGS]


def put_back(before: list[Any]) -> list[str]:
    """Restore them, and return those that were changed."""
    changed = []
    for setting, held in zip(SETTINGS, before, strict=True):
        if setting.read() != held:
            setting.put_back(held)
            changed.append(setting.what)
    return changed


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Collect garbage less often: what a start makes stays, and a seventh went into looking for more."""
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)

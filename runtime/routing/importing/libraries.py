"""The modules that every file relies on, put back where a file took something of theirs away."""

import asyncio
import logging
import pathlib
import threading
from collections.abc import Callable
from operator import is_
from sys import modules
from typing import Any

_MODULES = """
    sys os posixpath time threading traceback types typing inspect functools itertools operator copy re ast
    json importlib importlib.util importlib.machinery ctypes collections contextlib contextvars dataclasses
    datetime enum pathlib random socket ssl logging warnings concurrent.futures asyncio asyncio.base_events
    asyncio.events asyncio.futures asyncio.locks asyncio.tasks asyncio.timeouts msgspec msgspec.inspect
    msgspec.json msgspec.structs asyncpg litestar
    """.split()  # noqa: SIM905  quoting each name would take a page
_CLASSES = (
    *(pathlib.Path, threading.Thread, threading.Condition, threading.Event),
    *(logging.Logger, logging.Handler, asyncio.BaseEventLoop),
)

_all, _map = all, map  # bound here: a file may take them away

type _Names = dict[str, Any]


class Libraries:
    """What those modules and some classes hold now.

    A function in another's place is left there: it may be an instrumentation.
    """

    def __init__(self) -> None:
        found = [vars(modules[name]) for name in _MODULES if name in modules]
        held: list[tuple[Any, _Names, Callable[[str, Any], None]]] = [
            *((now, now.copy(), now.__setitem__) for now in found),
            *((vars(each), dict(vars(each)), _setter(each)) for each in _CLASSES),
        ]
        self._held = [(now, before, [*before.values()], put) for now, before, put in held]

    def restore(self) -> bool:
        """Put back what is missing, and each function that is none any more; say whether there was any."""
        is_changed = False
        for now, before, values, put in self._held:
            if len(now) == len(values) and _all(_map(is_, now.values(), values)):
                continue
            for name, value in before.items():
                if name not in now or (callable(value) and not callable(now[name])):
                    put(name, value)
                    is_changed = True
        return is_changed


def _setter(cls: type) -> Callable[[str, Any], None]:
    return lambda name, value: type.__setattr__(cls, name, value)

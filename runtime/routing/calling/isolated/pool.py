"""The processes of all isolated functions: a bounded number, each kept for a while for the same function."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Self

from msgspec import Struct

from runtime.routing.calling.isolated.child import IsolatedProcess
from runtime.routing.calling.isolated.forking import Template
from runtime.routing.calling.isolated.wire import Beginning, IsolatedFunction
from runtime.settings import Settings
from shared.errors import Overloaded

CALLS = 1000  # after which a process makes room for a fresh one, with whatever it has gathered
IDLE = 60.0  # seconds without a call after which a process ends
MARGIN = 0.1  # of the time that a call has, left to answer with where it waited in vain

type Name = tuple[str, str]  # file and method


class _Waiting(Struct, eq=False):
    name: Name
    granted: asyncio.Future[None]


class _Idle(Struct, eq=False):
    function: IsolatedFunction
    child: IsolatedProcess
    until: float  # loop time at which it ends


class IsolatedProcesses:
    """Lends a process for each call; `async with` ends them all.

    No function can hold all of them: while there are several functions, one process is left to the others.

    Args:
        settings: of the service; given to each process.

    Attributes:
        limit: how many may run at once.
        is_in_haste: a start does not wait until there can be processes: callers of all functions wait for it.
    """

    def __init__(self, settings: Settings) -> None:
        self.limit = settings.limits.isolated_processes or max(2, os.cpu_count() or 2)
        self.is_in_haste = False
        self._settings = settings
        traced = settings.telemetry.destination("traces") is not None
        self._template = Template(traced=traced)
        self._functions = 0
        self._is_running = False
        self._busy: Counter[Name] = Counter()
        self._idle: list[_Idle] = []  # the one that has waited longest first
        self._waiting: list[_Waiting] = []
        self._lent: dict[IsolatedProcess, tuple[IsolatedFunction, int]] = {}
        self._generation = 0
        self._next_look: asyncio.TimerHandle | None = None  # while any is idle, for those whose time is over

    async def __aenter__(self) -> Self:
        self._is_running = True
        if self._functions and self.is_in_haste:
            self._template.start()
        elif self._functions:
            await self._template.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_running = False
        for idle in self._take_idle():
            idle.child.end()
        for child in self._lent:
            child.kill()
        if self._next_look is not None:
            self._next_look.cancel()
        await self._template.stop()

    def renew(self, functions: int) -> None:
        """Serve the calls of a new table, which has so many isolated functions, in fresh processes."""
        self._functions = functions
        self._generation += 1
        for idle in self._take_idle():
            idle.child.end()
        if functions and self._is_running:
            self._template.start()

    async def borrow(self, function: IsolatedFunction, deadline: float) -> IsolatedProcess:
        """Return a process for one call of `function`.

        Args:
            function: what to run.
            deadline: loop time of the call's end.

        Raises:
            Overloaded: none came free in time.
            Unavailable: none can be made.
        """
        name = (function.endpoint.file, function.endpoint.method)
        await self._wait(name, deadline)
        try:
            child = self._kept(function) or await self._started(function)
        except BaseException:
            self._leave(name)
            raise
        self._lent[child] = function, self._generation
        return child

    def give_back(self, child: IsolatedProcess) -> None:
        """Keep a process for the next call, or end one whose call is not over."""
        function, generation = self._lent.pop(child)
        if child.is_busy:
            child.kill()
        elif not child.is_alive or generation != self._generation or child.calls >= CALLS:
            child.end()
        else:
            loop = asyncio.get_running_loop()
            self._idle.append(_Idle(function, child, loop.time() + IDLE))
            self._next_look = self._next_look or loop.call_later(IDLE, self._retire)
        self._leave((function.endpoint.file, function.endpoint.method))

    async def _wait(self, name: Name, deadline: float) -> None:
        if not self._waiting and self._may_run(name):
            self._busy[name] += 1
            return
        loop = asyncio.get_running_loop()
        waiting = _Waiting(name, loop.create_future())
        self._waiting.append(waiting)
        self._grant()
        try:
            async with asyncio.timeout_at(deadline - (deadline - loop.time()) * MARGIN):
                await waiting.granted
        except BaseException as error:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            else:
                self._leave(name)
            if isinstance(error, TimeoutError):
                raise Overloaded("All processes for isolated functions were busy; try again.") from None
            raise

    def _may_run(self, name: Name) -> bool:
        share = max(1, self.limit - 1) if self._functions > 1 else self.limit
        return self._busy.total() < self.limit and self._busy[name] < share

    def _grant(self) -> None:
        """Let those run that may, first the function that has the fewest calls under way."""
        while ready := [each for each in self._waiting if self._may_run(each.name)]:
            first = min(ready, key=lambda each: self._busy[each.name])
            self._waiting.remove(first)
            if not first.granted.done():
                self._busy[first.name] += 1
                first.granted.set_result(None)

    def _leave(self, name: Name) -> None:
        self._busy[name] -= 1
        self._grant()

    def _kept(self, function: IsolatedFunction) -> IsolatedProcess | None:
        for idle in reversed(self._idle):
            if idle.function == function:
                self._idle.remove(idle)
                if idle.child.is_alive:
                    return idle.child
        return None

    async def _started(self, function: IsolatedFunction) -> IsolatedProcess:
        while self._idle and len(self._idle) + self._busy.total() > self.limit:
            self._idle.pop(0).child.end()
        root = self._settings.functions.resolve()
        beginning = Beginning(self._settings, root, tuple(sys.path), function)
        return await IsolatedProcess.start(self._template, beginning)

    def _retire(self) -> None:
        """End those that have been idle for long enough; look again when the next one will have been."""
        loop = asyncio.get_running_loop()
        while self._idle and self._idle[0].until <= loop.time():
            self._idle.pop(0).child.end()
        self._next_look = loop.call_at(self._idle[0].until, self._retire) if self._idle else None

    def _take_idle(self) -> Iterator[_Idle]:
        while self._idle:
            yield self._idle.pop()

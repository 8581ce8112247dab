"""What a function asks for to queue work, and to look at the runs of its caller."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from shared.errors import Unavailable
from shared.identity import User
from shared.work.run import RunState


class Desk(Protocol):
    """Where work is handed in."""

    async def enqueue(  # what is asked, by name
        self, caller: User | None, path: str, data: Any, *, key: str | None, delay: float
    ) -> RunState:
        """As `Jobs.enqueue`, for this caller."""
        ...

    async def find(self, caller: User | None, run_id: str) -> RunState:
        """As `Jobs.find`, for this caller."""
        ...

    async def cancel(self, caller: User | None, run_id: str) -> None:
        """As `Jobs.cancel`, for this caller."""
        ...


class Jobs:
    """Queues work as one caller, and knows the caller's runs."""

    def __init__(self, desk: Desk, caller: User | None) -> None:
        self._desk = desk
        self._caller = caller

    async def enqueue(
        self, path: str, data: Any = None, *, key: str | None = None, delay: float = 0
    ) -> RunState:
        """Queue one run of the `job` of a function file.

        Args:
            path: the file's URL, such as ``/reports/morning``.
            data: what its parameter `data` takes; None where it takes none.
            key: the same job, caller and key are queued once; a second call returns the first run.
            delay: seconds before it may begin.

        Raises:
            UnknownJob: no file has a job at this path.
            WrongPayload: `data` is not what the job takes.
            Forbidden: the caller may not have this job done.
            Unavailable: the queue does not respond, or the file is quarantined.
        """
        return await self._desk.enqueue(self._caller, path, data, key=key, delay=delay)

    async def find(self, run_id: str) -> RunState:
        """Return a run that this caller queued.

        Raises:
            NotFound: this user, in this organisation, has none of that id, or may not do such work any more.
        """
        return await self._desk.find(self._caller, run_id)

    async def follow(self, run_id: str, *, every: float = 0.5) -> AsyncIterator[RunState]:
        """Yield a run that this caller queued, as it is now and whenever it has changed, up to its end.

        Args:
            run_id: of the run.
            every: seconds between two looks; what changes in between is seen as it is then.

        Raises:
            NotFound: as `find`, also in the middle.
        """
        last = None
        while last is None or last.state in {"queued", "running"}:
            run = await self.find(run_id)
            if run != last:
                yield run
            else:
                await asyncio.sleep(every)
            last = run

    async def cancel(self, run_id: str) -> None:
        """End a run that this caller queued; one that has ended stays as it is.

        Raises:
            NotFound: as `find`.
        """
        await self._desk.cancel(self._caller, run_id)


class NoDesk:
    """Stands for the queue where `REDIS_URL` is not set."""

    async def enqueue(self, caller: User | None, path: str, data: Any, **how: object) -> RunState:  # noqa: ARG002  # Desk's shape
        """Refuse.

        Raises:
            Unavailable: always.
        """
        raise _NEEDS_URL

    async def find(self, caller: User | None, run_id: str) -> RunState:  # noqa: ARG002  # likewise
        """Refuse.

        Raises:
            Unavailable: always.
        """
        raise _NEEDS_URL

    async def cancel(self, caller: User | None, run_id: str) -> None:  # noqa: ARG002  # likewise
        """Refuse.

        Raises:
            Unavailable: always.
        """
        raise _NEEDS_URL


_NEEDS_URL = Unavailable("Queued work needs REDIS_URL.", retry_after=None)


class UnknownJob(LookupError):
    """No function file has a job at this path."""


class WrongPayload(TypeError):
    """What was given is not what the job takes."""

"""A worker that stands by for a run which the process of its call plays: should that die, it calls again."""

from typing import Protocol

from shared.work.run import Run, SavedRun


class Standby(Protocol):
    """The call that begins a run, kept for a worker that makes it again when nothing is heard of the run."""

    async def begin(self, seconds: float) -> SavedRun:
        """Have a worker stand by for a run that takes so many seconds at most, and return the run.

        Its `save` raises `RunTakenOver` once a worker has it.

        Raises:
            Unavailable: the queue does not respond.
        """
        ...

    async def attend(self) -> None:
        """Let it be heard that the run is played here; returns once a worker has it."""
        ...

    async def release(self) -> None:
        """Let a worker have the run now.

        Raises:
            Unavailable: the queue does not respond.
        """
        ...

    async def drop(self) -> None:
        """Keep nothing more: the run is over.

        Raises:
            Unavailable: the queue does not respond.
        """
        ...


class Call(Protocol):
    """The call of a function, as far as it can be made again."""

    def taken_up(self) -> Run | None:
        """Return the run for which a worker makes this call again; once."""
        ...

    def standby(self) -> Standby | None:
        """Return what has a worker stand by, once; None where none could make this call again."""
        ...

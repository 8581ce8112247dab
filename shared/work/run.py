"""A run: one piece of queued work, from the moment it is queued to its end."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct


class RunError(Struct, frozen=True):
    """Why the last try failed.

    Attributes:
        code: stable, as in a problem document.
        detail: one sentence.
    """

    code: str
    detail: str


class RunState(Struct, frozen=True, kw_only=True):
    """What is known of a run.

    Attributes:
        id: of the run.
        job: the path that was given to `enqueue`.
        state: `failed` is final; between two tries a run is `queued`.
        progress: from 0 to 1, as the job last said.
        result: what the job returned.
        error: of the last try.
        tries: how many have begun.
    """

    id: str
    job: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = 0
    result: Any = None
    error: RunError | None = None
    tries: int = 0
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Run:
    """The run that a `job` works on.

    Attributes:
        id: of the run; the same in every try.
        number: of this try, counted from 1.
    """

    def __init__(self, run_id: str, number: int, tell: Callable[[float], Awaitable[None]]) -> None:
        self.id = run_id
        self.number = number
        self._tell = tell

    async def progress(self, done: float) -> None:
        """Say how much is done, from 0 to 1; readers of the run see the last value.

        Raises:
            ValueError: it is not within 0 and 1.
        """
        if not 0 <= done <= 1:
            raise ValueError("Progress is a number from 0 to 1.")
        await self._tell(done)

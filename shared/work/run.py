"""A run: one piece of queued work, from the moment it is queued to its end."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal, Protocol, get_type_hints

import msgspec
from msgspec import Struct

from shared.instant import Instant

MAX_RESULT = 1024 * 1024  # bytes of what a run, or one of its steps, gives
MAX_NAME = 200  # characters
MAX_STEPS = 1000
_SAVED = ""  # no step has this name
MAX_SLEEP = 366 * 24 * 3600.0  # seconds


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
    queued_at: Instant
    started_at: Instant | None = None
    finished_at: Instant | None = None


class SaveBook(Protocol):
    """Where a run is kept for its next try; raises `RunTakenOver` where it is another worker's by now."""

    async def steps(self) -> dict[str, bytes]:
        """Return what finished steps gave, as JSON by name."""
        ...

    async def keep(self, name: str, result: bytes) -> None:
        """Write what a step gave."""
        ...


class RunBook(SaveBook, Protocol):
    """Where a try is written down."""

    async def progress(self, done: float) -> None:
        """Write how much is done."""
        ...

    async def sleep(self, name: str, seconds: float) -> None:
        """Return where this sleep is over; else give the run back until then and raise `Asleep`."""
        ...


class SavedRun:
    """A run of which it is kept how far its work is.

    Attributes:
        id: of the run.
    """

    def __init__(self, run_id: str, book: SaveBook) -> None:
        self.id = run_id
        self._saves = book

    async def save(self, value: object) -> None:
        """Keep how far the work is, for the next try; the value that was saved before is replaced.

        Raises:
            TypeError: it is not JSON.
            StepTooLarge: it has more than a mebibyte.
        """
        await self._saves.keep(_SAVED, _encoded("what is saved", value))

    async def saved[T](self, kind: type[T]) -> T | None:
        """Return what a try saved last, read as this type; None where none has."""
        text = (await self._saves.steps()).get(_SAVED)
        return None if text is None else msgspec.json.decode(text, type=kind)


class Run(SavedRun):
    """The run that a `job` works on.

    Attributes:
        id: of the run; the same in every try.
        number: of this try, counted from 1.
    """

    def __init__(self, run_id: str, number: int, book: RunBook) -> None:
        super().__init__(run_id, book)
        self.number = number
        self._book = book
        self._kept: dict[str, bytes] | None = None
        self._names: set[str] = set()

    async def progress(self, done: float) -> None:
        """Say how much is done, from 0 to 1; readers of the run see the last value.

        Raises:
            ValueError: it is not within 0 and 1.
        """
        if not 0 <= done <= 1:
            raise ValueError("Progress is a number from 0 to 1.")
        await self._book.progress(done)

    async def step[**P, T](
        self, name: str, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do `work` once in all tries of this run, and return what it gave.

        The result is kept as JSON, and read as the type that `work` is annotated to return. A try that is
        ended in the middle of a step does the step again.

        Args:
            name: of the step; another one for each step of the run.
            work: an `async def`.
            *args: for `work`.
            **kwargs: for `work`.

        Raises:
            ValueError: this try had a step or a sleep of that name, or there are too many of them.
            TypeError: the result is not JSON.
            StepTooLarge: the result has more than a mebibyte.
        """
        self._claim(name)
        if self._kept is None:
            self._kept = await self._book.steps()
        text = self._kept.get(name)
        if text is None:
            text = _encoded(name, await work(*args, **kwargs))
            await self._book.keep(name, text)
        value: T = msgspec.json.decode(text, type=_result_of(work))
        return value

    async def sleep(self, name: str, seconds: float) -> None:
        """Give this run's place to others for so many seconds; then the job begins again from its start.

        Once it is over, a sleep of that name returns at once. Do not sleep inside a transaction: it is rolled
        back.

        Raises:
            ValueError: this try had a step or a sleep of that name, or the time is not 0 to 366 days.
        """
        if not 0 <= seconds <= MAX_SLEEP:
            raise ValueError("A sleep is 0 to 366 days, in seconds.")
        self._claim(name)
        await self._book.sleep(name, seconds)

    def _claim(self, name: str) -> None:
        if name in self._names or not 0 < len(name) <= MAX_NAME:
            raise ValueError(f"Each step and sleep has a name of its own, of 1 to {MAX_NAME} characters.")
        if len(self._names) >= MAX_STEPS:
            raise ValueError(f"A run has {MAX_STEPS} steps and sleeps at most; queue a job for each part.")
        self._names.add(name)


def _encoded(name: str, value: object) -> bytes:
    try:
        text = msgspec.json.encode(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"The step {name!r} gave what JSON cannot hold: {error}") from None
    if len(text) > MAX_RESULT:
        raise StepTooLarge(f"The step {name!r} gave {len(text)} bytes; a run keeps {MAX_RESULT} of each.")
    return text


def _result_of(work: Callable[..., object]) -> Any:
    """Return the type that a function is annotated to return, anything where that cannot be told."""
    function = inspect.unwrap(work.func if isinstance(work, partial) else work)
    if not inspect.iscoroutinefunction(function):
        return Any
    try:
        return get_type_hints(function).get("return", Any)
    except NameError:  # a type that is imported for the type checker alone
        return Any


class StepTooLarge(ValueError):
    """A step gave more than a run can keep."""


class RunTakenOver(Exception):
    """The run was given to another worker, or does not exist any more."""


class Asleep(BaseException):
    """Ends a try whose run sleeps; no `except Exception` stops it."""

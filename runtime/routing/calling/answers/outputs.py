"""What is sent: of a function's return value, only what its return annotation names, at every depth.

What fits is sent unchanged. Of anything else, such as a subclass or a dict in a struct's place, only the
declared fields are taken, and what cannot be taken is a `Misfit`.
"""

import inspect
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import msgspec
from msgspec import inspect as types

from runtime.routing.annotations.fitting import compiled
from runtime.routing.annotations.walk import is_open, walk
from runtime.routing.calling.answers.encoding import (
    FINITE,
    FINITE_CURE,
    NotFinite,
    cure_of,
    encode,
    unencodable,
)
from runtime.routing.calling.answers.misfit import Misfit, UnreadableFile
from runtime.routing.calling.answers.narrowing import Unfit, narrowed
from shared.events import Event

CURE = "Return what the annotation says, or change the annotation."


class Output:
    """The return values of one function, checked against its annotation.

    Args:
        annotation: any type that has a JSON form.
        function: named, with its line, where a value does not fit.
        file: likewise.
    """

    def __init__(self, annotation: Any, function: Callable[..., Any], file: str) -> None:
        self._annotation = annotation
        self._function = function
        self._file = file

    def fit(self, value: Any) -> Any:
        """Return `value` where it fits as it is, else as much of it as the annotation names.

        Raises:
            Misfit: a field holds what its type does not name.
        """
        try:
            if self._fits(value):
                return value
        except AttributeError:  # a field that was deleted
            pass
        try:
            return narrowed(value, self._kind, "")
        except Unfit as unfit:
            raise self.misfit(*unfit.args) from None

    def encode(self, value: Any) -> bytes:
        """Return what of `value` may leave as JSON.

        Raises:
            Misfit: a field holds what its type does not name, or what has no JSON form.
        """
        return self.written(self.fit(value))

    def written(self, fitting: Any) -> bytes:
        """Return as JSON what `fit` has returned.

        Raises:
            Misfit: something in it has no JSON form.
        """
        try:
            return encode(fitting, is_finite=self._is_closed)
        except NotFinite as error:
            raise self.misfit(error.place, FINITE, FINITE_CURE) from None
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
            place, culprit = next(unencodable(fitting), ("", fitting))
            expected = f"`{type(culprit).__name__}` has no JSON form."
            raise self.misfit(place, expected, cure_of(culprit)) from error

    def misfit(self, place: str, expected: str, cure: str = CURE) -> Misfit:
        """Return what is raised where the answer does not fit."""
        return Misfit(self._where, place.removeprefix("."), expected, cure)

    def nothing(self, value: Any) -> bytes:
        """Return the body of a function annotated `-> None`.

        Raises:
            Misfit: an `await` was forgotten, and what it should have waited for was not done.
        """
        if inspect.isawaitable(value):
            raise self.mismatch(value, "`None`")
        return b""

    def mismatch(self, value: Any, expected: str) -> Misfit:
        """Return what is raised where the whole answer is of another class."""
        cure = cure_of(value) if inspect.isawaitable(value) else CURE
        return self.misfit("", f"Expected {expected}, got `{type(value).__name__}`.", cure)

    def unreadable(self, name: str, found: str) -> UnreadableFile:
        """Return what is raised where a returned path cannot be read; `found` says why."""
        return UnreadableFile(self._where, name, found)

    @property
    def _where(self) -> str:
        code = getattr(inspect.unwrap(self._function), "__code__", None)
        return f"{self._file}, line {code.co_firstlineno if code else 1}: {self._function.__name__}"

    # Not made at start: a service of two thousand functions would start a third more slowly.
    @cached_property
    def _kind(self) -> types.Type:
        return types.type_info(self._annotation)

    @cached_property
    def _fits(self) -> Callable[[Any], bool]:
        return compiled(self._kind)

    @cached_property
    def _is_closed(self) -> bool:
        """Whether `fit` has seen all of a value; with `Any` or a foreign class in it, it has not."""
        return not any(is_open(kind) or isinstance(kind, types.CustomType) for kind in walk(self._kind))


class EventOutput(Output):
    """Events of any class, each checked against its own."""

    def fit(self, value: Any) -> Any:
        """Return as much of an event as its class names.

        Raises:
            Misfit: it is no event, or a field holds what its type does not name.
        """
        if not isinstance(value, Event):
            raise self.misfit("", f"Expected `Event`, got `{type(value).__name__}`.")
        return self._output(type(value)).fit(value)

    @cached_property
    def _is_closed(self) -> bool:
        return False

    @cached_property
    def _output(self) -> Callable[[type[Event]], Output]:
        return lru_cache(maxsize=256)(lambda kind: Output(kind, self._function, self._file))

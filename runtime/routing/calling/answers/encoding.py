"""Return values as JSON; of one that has no JSON form, where it stands and what to write instead."""

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from math import isfinite, isnan
from typing import Any

import msgspec

from runtime.routing.annotations.models import dumped, is_model
from runtime.routing.calling.answers.foreign import native

FINITE = "Expected a finite number."
FINITE_CURE = "Send None in its place, as JSON has no NaN and no infinity; math.isfinite tells."
_CURES = (
    (("numpy",), "Call `.tolist()` on it."),
    (("pandas", "polars"), 'Call `.to_dict("records")` on a frame and `.tolist()` on a series.'),
    (
        ("pydantic",),
        "Set its fields to what their annotations name and numbers to finite ones, or call `.model_dump()`.",
    ),
)
_NOT_FINITE = (b"null", b"NaN", b"Infinity")
"""What becomes of such a number."""


def _other(value: Any) -> Any:
    """Return what msgspec can write in place of a value that it does not know."""
    if not is_model(type(value)):
        made = native(value)
        if type(made) is type(value):
            raise TypeError(type(value).__name__)
        return made
    text = dumped(value)
    if any(word in text for word in _NOT_FINITE) and any(not_finite(value.model_dump(), open_nan=False)):
        raise ValueError(FINITE)
    return msgspec.Raw(text)


_encode = msgspec.json.Encoder(enc_hook=_other).encode


def encode(value: Any, *, is_finite: bool = False) -> bytes:
    """Return a value as JSON. In what is open, such as `Any`, NaN is a missing value, as pandas has it.

    Args:
        value: what a function returned.
        is_finite: all its numbers are known to be finite.

    Raises:
        NotFinite: it holds an infinite number.
        TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError: it has no JSON form.
    """
    body = _encode(value)
    if not is_finite and b"null" in body:  # which msgspec writes for an infinite number too
        for place in not_finite(value, open_nan=True):
            raise NotFinite(place)
    return body


class NotFinite(Exception):
    """A number that JSON does not have.

    Attributes:
        place: the path to it.
    """

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def not_finite(value: Any, place: str = "", *, open_nan: bool) -> Iterator[str]:
    """Give the place of every number that is not finite; `open_nan` lets NaN pass."""
    value = native(value)
    if isinstance(value, float):
        if not isfinite(value) and not (open_nan and isnan(value)):
            yield place
    elif not isinstance(value, str | int):
        for name, part in _parts(value):
            yield from not_finite(part, f"{place}.{name}", open_nan=open_nan)


def cure_of(value: Any) -> str:
    """Return what to write in place of a value that has no JSON form; nothing is imported to know it."""
    if inspect.iscoroutine(value):
        value.close()  # nobody else will, and Python would complain of it later
    if inspect.isawaitable(value):
        return "Write `await` before the call that made it."
    packages = {cls.__module__.partition(".")[0] for cls in type(value).__mro__}
    cures = (cure for names, cure in _CURES if packages & {*names})
    return next(cures, "Return a struct, a list or dict of them, or another type with a JSON form.")


def unencodable(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Give place and value of everything inside that has no JSON form."""
    has_inner = False
    for name, part in _parts(value):
        for found in unencodable(part, f"{place}.{name}"):
            has_inner = True
            yield found
    if has_inner:
        return
    try:
        _encode(value)
    except Exception:  # noqa: BLE001  # whatever it is, this is the value
        yield place, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        parts = (getattr(value, field) for field in value.__struct_fields__)
        yield from zip(value.__struct_encode_fields__, parts, strict=True)
    elif is_dataclass(value):
        yield from vars(value).items()
    elif isinstance(value, dict):
        yield from (("*", key) for key in value if not isinstance(key, str))
        yield from (("*", part) for part in value.values())  # a key may be somebody's name
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((str(index), part) for index, part in enumerate(value))

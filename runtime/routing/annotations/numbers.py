"""Numbers that a decoder takes and no arithmetic survives: `NaN`, infinities, a billion digits."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec
from msgspec import inspect

from runtime.routing.annotations.models import is_model
from runtime.routing.annotations.walk import walk

SAFE_INTEGER = "double-int"
"""The format of an integer that a double holds exactly (OpenAPI Format Registry)."""

MAX_DIGITS = 400  # on either side of the point; a float has 309 before it
UNBOUNDED = f"Expected a finite number of at most {MAX_DIGITS} digits before and after the point."


def has_numbers(annotation: Any) -> bool:
    """Say whether values of this type may hold such a number: `Decimal`, `float`, whatever a model holds."""
    kinds = (inspect.DecimalType, inspect.FloatType)
    return any(
        isinstance(kind, kinds) or is_model(getattr(kind, "cls", None))
        for kind in walk(inspect.type_info(annotation))
    )


def is_bounded(number: Decimal | float) -> bool:
    """Say whether a number is finite and can be written out."""
    if not isinstance(number, Decimal):
        return isfinite(number)
    if not number.is_finite() or number.adjusted() >= MAX_DIGITS:
        return False
    lowest = number.as_tuple().exponent
    return isinstance(lowest, int) and lowest >= -MAX_DIGITS


def unbounded(value: Any, place: str = "") -> Iterator[str]:
    """Give the place of every number in a decoded value that is not bounded, as dotted fields."""
    if isinstance(value, Decimal | float):
        if not is_bounded(value):
            yield place
        return
    for name, part in _parts(value):
        yield from unbounded(part, f"{place}.{name}" if place else name)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        parts = (getattr(value, field) for field in value.__struct_fields__)
        yield from zip(value.__struct_encode_fields__, parts, strict=True)
    elif is_model(type(value)):
        yield from vars(value).items()
    elif is_dataclass(value):
        yield from ((each.name, getattr(value, each.name, None)) for each in fields(value))
    elif isinstance(value, dict):
        yield from (("*", key) for key in value)
        yield from ((str(key), part) for key, part in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((str(index), part) for index, part in enumerate(value))

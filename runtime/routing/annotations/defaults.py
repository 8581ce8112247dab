"""Default values that a function could change and would then share with its next call."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect

from runtime.routing.annotations.walk import walk

_UNCHANGING = (
    *(type(None), bool, int, float, complex, str, bytes, Enum, type),
    *(Decimal, UUID, date, time, timedelta, tzinfo, type(msgspec.NODEFAULT), type(msgspec.UNSET)),
)


def fresh(default: Any) -> Callable[[], Any] | None:
    """Return what makes the default anew for each call; None where nobody can change it."""
    return None if _is_unchanging(default) else lambda: deepcopy(default)


def shares_defaults(annotation: Any) -> bool:
    """Say whether msgspec gives all who leave out a field of this type one and the same changeable object.

    It makes lists, dicts, sets and what a factory makes anew, and takes anything else as it stands.
    """
    kinds = walk(inspect.type_info(annotation))
    defaults = (field.default for kind in kinds for field in getattr(kind, "fields", ()))
    return not all(map(_is_unchanging, defaults))


def own(value: Any) -> Any:
    """Return a copy of a decoded value that shares nothing with what another call gets."""
    _take_defaults(value)
    return deepcopy(value)


def _take_defaults(value: Any) -> None:
    """Give each dataclass its defaults: msgspec leaves them at the class, out of reach of a copy."""
    parts: Any = ()
    if is_dataclass(value):
        names = [field.name for field in fields(value) if hasattr(value, field.name)]
        parts = [getattr(value, name) for name in names]
        for name, part in zip(names, parts, strict=True):
            object.__setattr__(value, name, part)
    elif isinstance(value, msgspec.Struct):
        parts = [getattr(value, name) for name in value.__struct_fields__]
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    for part in parts:
        _take_defaults(part)


def _is_unchanging(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(_is_unchanging(each) for each in value)
    return isinstance(value, _UNCHANGING)

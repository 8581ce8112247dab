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

from runtime.routing.annotations.walk import names_in_dict, walk

_UNCHANGING = (
    *(type(None), bool, int, float, complex, str, bytes, Enum, type),
    *(Decimal, UUID, date, time, timedelta, tzinfo, type(msgspec.NODEFAULT), type(msgspec.UNSET)),
)


def fresh(default: Any) -> Callable[[], Any] | None:
    """Return what makes the default anew for each call; None where nobody can change it."""
    return None if _is_unchanging(default) else lambda: deepcopy(default)


def completion(annotation: Any) -> Callable[[Any], Any] | None:
    """Return what gives a decoded value the defaults that msgspec does not, None where there are none.

    msgspec makes lists, dicts, sets and what a factory makes anew, takes anything else as it stands, the same
    for all who leave the field out, and leaves those of a dataclass at the class.
    """
    kinds = [*walk(inspect.type_info(annotation))]
    defaults = (field.default for kind in kinds for field in getattr(kind, "fields", ()))
    if not all(map(_is_unchanging, defaults)):
        return _own
    optional = (not field.required for kind in kinds if names_in_dict(kind) for field in kind.fields)
    return _with_defaults if any(optional) else None


def _own(value: Any) -> Any:
    return deepcopy(_with_defaults(value))


def _with_defaults(value: Any) -> Any:
    """Give each dataclass its defaults, so that they are copied and sent with it."""
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
        _with_defaults(part)
    return value


def _is_unchanging(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(_is_unchanging(each) for each in value)
    return isinstance(value, _UNCHANGING)

"""Default values that a function could change and would then share with its next call."""

from collections.abc import Callable
from copy import deepcopy
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


def _is_unchanging(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(_is_unchanging(each) for each in value)
    return isinstance(value, _UNCHANGING)

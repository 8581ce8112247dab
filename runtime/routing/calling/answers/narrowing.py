"""As much of a value as its type names, at every depth."""

import inspect
from collections.abc import Callable, Iterable
from math import isfinite
from operator import is_
from typing import Any, Literal

import msgspec
from msgspec import inspect as types

from runtime.routing.annotations.models import is_model, narrowed_model
from runtime.routing.annotations.walk import (
    DICTS,
    LISTS,
    RECORDS,
    TUPLES,
    class_of,
    default_of,
    is_open,
    items_of,
    names_in_dict,
    plain,
)
from runtime.routing.calling.answers.encoding import FINITE, FINITE_CURE, cure_of
from runtime.routing.calling.answers.foreign import native

_ABSENT: Any = object()
_PLAIN: dict[type, Callable[[Any], Any]] = {str: str.__str__, int: int.__pos__, float: float.__pos__}
"""How a subclass, such as a member of a `StrEnum` or numpy's float64, becomes what JSON knows."""


class Unfit(Exception):
    """Where, and what was expected; never what was there."""


def narrowed(value: Any, kind: Any, place: str) -> Any:
    """Return as much of `value` as its type names.

    Args:
        value: what a function returned, or a part of it.
        kind: the type, as `msgspec.inspect` describes it.
        place: the path to the part, for `Unfit`.

    Raises:
        Unfit: it is not what the type names.
    """
    kind = plain(kind)
    if is_open(kind):
        return value
    value = native(value)
    for kinds, narrow in _BY_KIND.items():
        if isinstance(kind, kinds):
            return narrow(value, kind, place)
    return _scalar(value, kind, place)


def _scalar(value: Any, kind: Any, place: str) -> Any:
    made = _converted(value, kind, place)
    if isinstance(made, float) and not isfinite(made):
        raise Unfit(place, FINITE, FINITE_CURE)
    return made


def _converted(value: Any, kind: Any, place: str) -> Any:
    if isinstance(kind, types.LiteralType):
        target: Any = Literal[kind.values]
    else:
        target = class_of(kind)
        if type(value) is target or (target is float and type(value) is int):
            return value
        if target in _PLAIN and isinstance(value, target) and not isinstance(value, bool):
            return _PLAIN[target](value)
    try:
        return msgspec.convert(value, target)
    except (msgspec.ValidationError, ValueError):
        raise _unfit(value, kind, place) from None


def _model(value: Any, kind: types.CustomType, place: str) -> Any:
    if not is_model(kind.cls) or type(value) is kind.cls:
        return _scalar(value, kind, place)
    try:
        return narrowed_model(value, kind.cls)
    except (ValueError, AttributeError):  # its text quotes the value
        raise _unfit(value, kind, place) from None


def _member(value: Any, kind: types.UnionType, place: str) -> Any:
    """Narrow to the member whose class is nearest to the value's own; else to the first that takes it."""
    members = [plain(member) for member in kind.types]
    for cls in type(value).__mro__[:-1]:
        for member in members:
            if class_of(member) is cls and not isinstance(member, types.TypedDictType):
                return narrowed(value, member, place)
    failed: list[Unfit] = []
    for member in members:
        try:
            return narrowed(value, member, place)
        except Unfit as unfit:
            if not isinstance(member, types.NoneType):
                failed.append(unfit)
    raise failed[0] if len(failed) == 1 and value is not None else _unfit(value, kind, place)


def _record(value: Any, kind: Any, place: str) -> Any:
    cls = class_of(kind)
    parts: dict[str, Any] = {}
    for field in kind.fields:
        part = _part(value, kind, field, place)
        if part is _ABSENT and field.required:
            raise Unfit(f"{place}.{field.name}", "Required.")
        if part is msgspec.UNSET:
            parts[field.name] = part
        elif part is not _ABSENT:
            parts[field.name] = narrowed(part, field.type, f"{place}.{field.name}")
    if isinstance(kind, types.TypedDictType):
        return _kept(value, parts)
    names = names_in_dict(kind)
    is_bare = type(value) is cls and (names is None or vars(value).keys() == names)
    if is_bare and all(getattr(value, name) is part for name, part in parts.items()):
        return value
    try:
        return _made(cls, kind, parts)
    except Exception:  # noqa: BLE001  a `__post_init__` raises what it likes, with the value in its text
        raise _unfit(value, kind, place) from None


def _part(value: Any, kind: Any, field: Any, place: str) -> Any:
    if not isinstance(kind, types.TypedDictType) and isinstance(value, class_of(kind)):
        return getattr(value, field.name, _ABSENT)
    tag = getattr(kind, "tag", None)
    if not isinstance(value, dict) or (tag is not None and value.get(kind.tag_field, tag) != tag):
        raise _unfit(value, kind, place)
    return value.get(field.encode_name, _ABSENT)


def _made(cls: Any, kind: Any, parts: dict[str, Any]) -> Any:
    if isinstance(kind, types.StructType):
        return cls(**parts)
    made = object.__new__(cls)
    for field in kind.fields:
        part = parts[field.name] if field.name in parts else default_of(field)
        object.__setattr__(made, field.name, part)
    return made


def _items(value: Any, kind: Any, place: str) -> Any:
    each = items_of(kind) if isinstance(kind, TUPLES) else None
    if not isinstance(value, list | tuple | set | frozenset) or (
        each is not None and len(each) != len(value)
    ):
        raise _unfit(value, kind, place)
    kinds: Iterable[Any] = each if each is not None else [kind.item_type] * len(value)
    items = [
        narrowed(item, item_kind, f"{place}.{index}")
        for index, (item, item_kind) in enumerate(zip(value, kinds, strict=True))
    ]
    return value if all(map(is_, value, items)) else items


def _dict(value: Any, kind: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise _unfit(value, kind, place)
    inside = f"{place}.*"  # a key may be somebody's name, and the place goes to the log
    items = {
        narrowed(key, kind.key_type, inside): narrowed(item, kind.value_type, inside)
        for key, item in value.items()
    }
    return _kept(value, items)


def _kept(value: dict[Any, Any], items: dict[Any, Any]) -> dict[Any, Any]:
    """Return the dict itself where nothing in it has changed."""
    is_same = len(value) == len(items) and all(value.get(key, _ABSENT) is item for key, item in items.items())
    return value if is_same else items


def _unfit(value: Any, kind: Any, place: str) -> Unfit:
    expected = f"Expected `{_spelt(kind)}`, got `{type(value).__name__}`."
    return Unfit(place, expected, cure_of(value)) if inspect.isawaitable(value) else Unfit(place, expected)


def _spelt(kind: Any) -> str:
    kind = plain(kind)
    if isinstance(kind, types.UnionType):
        return " | ".join(_spelt(member) for member in kind.types)
    if isinstance(kind, types.NoneType):
        return "None"
    cls = kind.cls if isinstance(kind, types.TypedDictType) else class_of(kind)
    return cls.__name__ if cls else type(kind).__name__.removesuffix("Type").lower()


_BY_KIND: dict[tuple[type[types.Type], ...], Callable[[Any, Any, str], Any]] = {
    (types.UnionType,): _member,
    (types.CustomType,): _model,
    RECORDS: _record,
    DICTS: _dict,
    LISTS + TUPLES: _items,
}

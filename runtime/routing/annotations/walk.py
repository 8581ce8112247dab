"""msgspec's descriptions of types: their families, what is directly inside one, and everything inside one."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MemberDescriptorType
from typing import Any, get_origin
from uuid import UUID

import msgspec
from msgspec import inspect

SCALARS: dict[type[inspect.Type], type] = {
    inspect.NoneType: type(None),
    inspect.BoolType: bool,
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.StrType: str,
    inspect.BytesType: bytes,
    inspect.ByteArrayType: bytearray,
    inspect.MemoryViewType: memoryview,
    inspect.DateTimeType: datetime,
    inspect.TimeType: time,
    inspect.DateType: date,
    inspect.TimeDeltaType: timedelta,
    inspect.UUIDType: UUID,
    inspect.DecimalType: Decimal,
    inspect.RawType: msgspec.Raw,
}
CONTAINERS: dict[type[inspect.Type], type] = {
    inspect.ListType: list,
    inspect.SetType: set,
    inspect.FrozenSetType: frozenset,
    inspect.VarTupleType: tuple,
    inspect.TupleType: tuple,
    inspect.DictType: dict,
    inspect.FrozenDictType: dict,
}
RECORDS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)
TUPLES = (inspect.TupleType, inspect.NamedTupleType)
DICTS = (inspect.DictType, inspect.FrozenDictType)


def plain(kind: Any) -> Any:
    """Return a type without its constraints and metadata."""
    return plain(kind.type) if isinstance(kind, inspect.Metadata) else kind


def is_open(kind: Any) -> bool:
    """Say whether a type is `Any` or `object`, which every value fits."""
    is_object = isinstance(kind, inspect.CustomType) and kind.cls is object
    return is_object or isinstance(kind, inspect.AnyType)


def class_of(kind: Any) -> Any:
    """Return the class that values of a type have, None where it has no one class."""
    if isinstance(kind, inspect.TypedDictType):
        return dict
    if (cls := getattr(kind, "cls", None)) is not None:
        return get_origin(cls) or cls
    return CONTAINERS.get(type(kind)) or SCALARS.get(type(kind))


def items_of(kind: Any) -> list[Any]:
    """Return the types of a tuple's items."""
    if isinstance(kind, inspect.NamedTupleType):
        return [field.type for field in kind.fields]
    return list(kind.item_types)


def parts(kind: Any) -> list[Any]:  # noqa: PLR0911  # a table, read as one
    """Return the types directly inside a type, in the order in which they are written."""
    match kind:
        case inspect.Metadata():
            return [kind.type]
        case inspect.UnionType():
            return list(kind.types)
        case inspect.TupleType() | inspect.NamedTupleType():
            return items_of(kind)
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
            return [field.type for field in kind.fields]
        case inspect.CollectionType():
            return [kind.item_type]
        case inspect.DictType() | inspect.FrozenDictType():
            return [kind.key_type, kind.value_type]
    return []


def walk(*kinds: Any, into: Callable[[Any], bool] = lambda _: True) -> Iterator[Any]:
    """Yield types and everything inside them, outermost first, what is inside a class once.

    Args:
        kinds: where to begin.
        into: says whether to go on inside a type; it is yielded in any case.
    """
    seen: set[Any] = set()
    waiting = list(reversed(kinds))
    while waiting:
        kind = waiting.pop()
        cls = getattr(kind, "cls", None)
        if cls is not None and cls in seen:
            continue
        if cls is not None:
            seen.add(cls)
        yield kind
        if into(kind):
            waiting += reversed(parts(kind))


def names_in_dict(kind: Any) -> frozenset[str] | None:
    """Return what the `__dict__` of a dataclass or attrs object holds when it holds every field and no more.

    None where values of the type have none, or where msgspec does not look at it.
    """
    if not isinstance(kind, inspect.DataclassType) or not class_of(kind).__dictoffset__:
        return None
    names = (field.name for field in kind.fields)
    return frozenset(
        name for name in names if not isinstance(getattr(class_of(kind), name, None), MemberDescriptorType)
    )


def default_of(field: inspect.Field) -> Any:
    """Return the default of an optional field, anew where a factory makes it."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return msgspec.UNSET if field.default is msgspec.NODEFAULT else field.default


def may_be_unset(field: inspect.Field) -> bool:
    """Say whether a field is optional and has no default but `UNSET`, which keeps it out of the JSON."""
    return not field.required and field.default is field.default_factory is msgspec.NODEFAULT

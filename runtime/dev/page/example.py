"""A value that fits a type, to begin a request body with."""

from typing import Any

import msgspec
from msgspec import inspect

DEPTH = 8  # structs and lists inside each other


def example(annotation: Any) -> Any:
    """Return builtins that fit `annotation`: defaults where it has them, plain values elsewhere.

    A type that contains itself ends in null after a few levels.
    """
    return _of(inspect.type_info(annotation), DEPTH)


def type_name(annotation: Any) -> str:
    """Return a type in short form, for a person: ``int``, ``Regime``, ``list[str] | None``."""
    text = getattr(annotation, "__origin__", annotation) if _is_annotated(annotation) else annotation
    name = text.__name__ if isinstance(text, type) and not getattr(text, "__args__", ()) else str(text)
    return name.replace("typing.", "").rpartition(".")[2] if "[" not in name else name


def _is_annotated(annotation: Any) -> bool:
    return hasattr(annotation, "__metadata__")


def _of(kind: inspect.Type, depth: int) -> Any:
    if depth == 0:
        return None
    match kind:
        case inspect.Metadata():
            return _of(kind.type, depth)
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
            return {field.encode_name: _field(field, depth - 1) for field in kind.fields}
        case inspect.UnionType():
            return None if kind.includes_none else _of(kind.types[0], depth)
        case inspect.ListType() | inspect.SetType() | inspect.VarTupleType():
            return [_of(kind.item_type, depth - 1)]
    return _plain(kind)


def _field(field: inspect.Field, depth: int) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    return _of(field.type, depth)


def _plain(kind: inspect.Type) -> Any:
    match kind:
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.IntType() | inspect.FloatType():
            return 1 if kind.ge is None else kind.ge
    return _PLAIN.get(type(kind))


_PLAIN: dict[type, Any] = {
    inspect.StrType: "text",
    inspect.BoolType: True,
    inspect.DecimalType: "1.00",
    inspect.DateTimeType: "2026-01-02T15:04:05Z",
    inspect.DateType: "2026-01-02",
    inspect.TimeType: "15:04:05",
    inspect.UUIDType: "00000000-0000-4000-8000-000000000000",
    inspect.DictType: {},
}

"""A value that fits a type, to begin a request body with."""

from typing import Any

import msgspec
from msgspec import inspect


def example(annotation: Any) -> Any:
    """Return builtins that fit `annotation`: defaults where it has them, plain values elsewhere."""
    return _of(inspect.type_info(annotation))


def type_name(annotation: Any) -> str:
    """Return a type as a person would say it: ``int``, ``Regime``, ``list[str] | None``."""
    text = getattr(annotation, "__origin__", annotation) if _is_annotated(annotation) else annotation
    name = text.__name__ if isinstance(text, type) and not getattr(text, "__args__", ()) else str(text)
    return name.replace("typing.", "").rpartition(".")[2] if "[" not in name else name


def _is_annotated(annotation: Any) -> bool:
    return hasattr(annotation, "__metadata__")


def _of(kind: inspect.Type) -> Any:  # noqa: PLR0911 - one answer a kind of type
    match kind:
        case inspect.Metadata():
            return _of(kind.type)
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
            return {field.encode_name: _field(field) for field in kind.fields}
        case inspect.UnionType():
            return None if kind.includes_none else _of(kind.types[0])
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.ListType() | inspect.SetType() | inspect.VarTupleType():
            return []
        case inspect.IntType() | inspect.FloatType():
            return 1 if kind.ge is None else kind.ge
    return _PLAIN.get(type(kind))


def _field(field: inspect.Field) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    return _of(field.type)


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

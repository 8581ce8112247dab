"""Types that JavaScript cannot represent unchanged; `annex check` rejects them with the cure.

They compile on both sides but lose data, which nobody would notice before production.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import inspect

from runtime.bridge.openapi import naming
from runtime.routing import Fault, Operation
from runtime.routing.annotations.walk import RECORDS, walk

SAFE = 2**53 - 1
"""The largest integer that JavaScript represents exactly."""


def faults(operations: Iterable[Operation]) -> list[Fault]:
    """Return the faults in the types of these operations."""
    found = [fault for operation in operations for fault in _of_operation(operation)]
    return sorted(dict.fromkeys(found))


def _of_operation(operation: Operation) -> Iterator[Fault]:
    file = operation.endpoint.file
    for where, annotation in crossing(operation):
        for owner, info in _walk(annotation):
            place = f"`{owner}`" if owner else f"{where} of {operation.endpoint.method.lower()}"
            for found, cure in _judge(info):
                yield Fault(file=file, line=operation.line, found=f"{place}: {found}", cure=cure)


def crossing(operation: Operation) -> Iterator[tuple[str, Any]]:
    """Yield the place and annotation of everything that is sent or received."""
    for one in operation.inputs:
        if one.kind.is_described:
            yield f"`{one.name}`", one.annotation
    if operation.event or operation.has_json:
        yield "The response", operation.event or operation.returns


def _walk(annotation: Any) -> Iterator[tuple[str, inspect.Type]]:
    """Yield every type inside an annotation, each with the `Struct.field` that it sits in."""
    whole = inspect.type_info(annotation)
    yield from (("", info) for info in _outside_records(whole))
    for record in walk(whole):
        if isinstance(record, RECORDS):
            for field in record.fields:
                owner = f"{_title(record.cls)}.{field.name}"
                yield from ((owner, info) for info in _outside_records(field.type))


def _outside_records(kind: inspect.Type) -> Iterator[inspect.Type]:
    return walk(kind, into=lambda info: not isinstance(info, RECORDS))


def _judge(info: inspect.Type) -> Iterator[tuple[str, str]]:
    match info:
        case inspect.DateTimeType(tz=None) | inspect.DateTimeType(tz=False):
            yield (
                "a datetime without a time zone, which JavaScript would read as local time.",
                "Use `Instant` from shared.instant.",
            )
        case inspect.IntType() if _may_be_unsafe(info):
            yield (
                "an integer with bounds beyond 2^53, which JavaScript would round.",
                "Send it as `str`, or bound it with `Meta(ge=..., le=2**53 - 1)`.",
            )
        case inspect.LiteralType(values=values) if any(_is_unsafe(value) for value in values):
            yield "a literal integer beyond 2^53, which JavaScript would round.", "Use a string."
        case inspect.EnumType(cls=cls) if any(_is_unsafe(member.value) for member in cls):
            yield "an enum with an integer beyond 2^53, which JavaScript would round.", "Use a `StrEnum`."
        case inspect.StructType(array_like=True, cls=cls):
            yield (
                f"{_title(cls)} is `array_like`: its fields are sent without their names.",
                "Remove `array_like=True` from types that are sent or received.",
            )
        case inspect.DictType() if not _has_text_keys(info):
            yield (
                "a mapping whose keys are not strings, which JSON requires.",
                "Use `dict[str, ...]` or a list of structs.",
            )


def _may_be_unsafe(info: inspect.IntType) -> bool:
    bounds = (info.ge, info.gt, info.le, info.lt)
    return any(bound is not None and abs(bound) > SAFE + 1 for bound in bounds)


def _is_unsafe(value: object) -> bool:
    return isinstance(value, int) and abs(value) > SAFE


def _has_text_keys(info: inspect.DictType) -> bool:
    key = info.key_type
    while isinstance(key, inspect.Metadata):
        key = key.type
    match key:
        case inspect.EnumType(cls=cls):
            return all(isinstance(member.value, str) for member in cls)
        case inspect.LiteralType(values=values):
            return all(isinstance(value, str) for value in values)
    return isinstance(key, inspect.StrType | inspect.UUIDType | inspect.DateType | inspect.AnyType)


def _title(kind: Any) -> str:
    return naming.title(kind, {})

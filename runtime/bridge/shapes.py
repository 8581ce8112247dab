"""Shapes that cannot cross to JavaScript and back unchanged; `annex check` refuses them with the cure.

Each would compile on both sides and be wrong on the wire, so none is left to be found in production.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import inspect

from runtime.bridge.describable import line_of
from runtime.bridge.schemas import named_types, parts, public_name
from runtime.routing import Fault, Operation

SAFE = 2**53 - 1
"""The largest integer that JavaScript does not round."""

CROSSING = frozenset({"path", "query", "body"})


def faults(operations: Iterable[Operation]) -> list[Fault]:
    """Return what is wrong with the types of these operations."""
    operations = tuple(operations)
    found = [fault for operation in operations for fault in _of_operation(operation)]
    return sorted(dict.fromkeys([*found, *_shared_names(operations)]))


def _of_operation(operation: Operation) -> Iterator[Fault]:
    file = operation.endpoint.file
    for where, annotation in _crossing(operation):
        for owner, info in _walk(annotation):
            place = f"`{owner}`" if owner else f"{where} of {operation.endpoint.method.lower()}"
            for found, cure in _judge(info):
                yield Fault(file=file, line=line_of(operation), found=f"{place}: {found}", cure=cure)


def _crossing(operation: Operation) -> Iterator[tuple[str, Any]]:
    for one in operation.inputs:
        if one.source in CROSSING:
            yield f"`{one.name}`", one.annotation
    answer = operation.event or operation.returns
    if answer not in {None, type(None)}:
        yield "The answer", answer


def _walk(annotation: Any) -> Iterator[tuple[str, inspect.Type]]:
    """Yield every type inside an annotation, each with the `Struct.field` that it sits in."""
    seen: set[Any] = set()
    waiting: list[tuple[str, inspect.Type]] = [("", inspect.type_info(annotation))]
    while waiting:
        owner, info = waiting.pop()
        yield owner, info
        cls = getattr(info, "cls", None)
        if cls is not None and cls in seen:
            continue
        seen.add(cls)
        if isinstance(info, inspect.StructType | inspect.DataclassType | inspect.TypedDictType):
            waiting += [(f"{_title(info.cls)}.{field.name}", field.type) for field in info.fields]
        else:
            waiting += [(owner, part) for part in parts(info)]


def _judge(info: inspect.Type) -> Iterator[tuple[str, str]]:
    match info:
        case inspect.DateTimeType(tz=None) | inspect.DateTimeType(tz=False):
            yield (
                "a datetime that may lack its time zone, which JavaScript would read as local time.",
                "Annotate it `Instant`, from shared.instant.",
            )
        case inspect.IntType() if _may_be_unsafe(info):
            yield (
                "an integer whose bounds reach beyond 2^53, which JavaScript would round.",
                "Send it as `str`, or bound it with `Meta(ge=..., le=2**53 - 1)`.",
            )
        case inspect.LiteralType(values=values) if any(_is_unsafe(value) for value in values):
            yield "a literal integer beyond 2^53, which JavaScript would round.", "Make it a text."
        case inspect.EnumType(cls=cls) if any(_is_unsafe(member.value) for member in cls):
            yield "an enum with an integer beyond 2^53, which JavaScript would round.", "Make it a `StrEnum`."
        case inspect.StructType(array_like=True, cls=cls):
            yield (
                f"{_title(cls)} is `array_like`: its fields cross without their names.",
                "Drop `array_like=True` on types that cross the wire.",
            )
        case inspect.DictType() if not _has_text_keys(info):
            yield (
                "a mapping whose keys are not text; JSON has no other keys.",
                "Use `dict[str, ...]`, or a list of structs.",
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


def _shared_names(operations: tuple[Operation, ...]) -> Iterator[Fault]:
    """Yield a fault for each name that two types have; the client would not know which is meant."""
    owners: dict[str, dict[Any, Operation]] = defaultdict(dict)
    for operation in operations:
        for _, annotation in _crossing(operation):
            for kind in named_types([annotation]):
                owners[public_name(_title(kind), "")].setdefault(kind, operation)
    for name, kinds in owners.items():
        if len(kinds) > 1:
            places = ", ".join(sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds))
            operation = next(reversed(kinds.values()))
            yield Fault(
                file=operation.endpoint.file,
                line=line_of(operation),
                found=f"{len(kinds)} types are named `{name}`: {places}.",
                cure="Rename one, or move the one that is meant into shared/ and import it in both files.",
            )


def _title(kind: Any) -> str:
    if isinstance(kind, type):
        return kind.__name__
    return f"{kind.__origin__.__name__}[{', '.join(map(_title, kind.__args__))}]"

"""Everything that is wrong with an input, reported at once.

msgspec stops at the first bad field. When it has refused, and only then, the parts are looked at one by one.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from runtime.routing.annotations.models import is_model, model_mistakes, revived

MAX_ERRORS = 100  # errors in one response
_ABSENT: Any = object()

type Arguments = dict[str, Any]
type Mistake = tuple[str, str]
"""Dotted field, ``""`` for the whole, and what was expected."""


def mistakes(value: Any, kind: Any, *, strict: bool = True) -> Iterator[Mistake]:
    """Give everything that keeps `value` from being a `kind`; nothing where it is one.

    Args:
        value: builtins, as decoded from JSON or a query string.
        kind: any type that msgspec converts to.
        strict: False where numbers come as text.
    """
    try:
        msgspec.convert(value, kind, strict=strict, str_keys=True, dec_hook=revived)
    except msgspec.ValidationError as error:
        inner = _inner(value, _member(value, without_metadata(kind)), strict=strict)
        first = next(inner, None)
        if first is None:
            yield split(error)
        else:
            yield first
            yield from inner


def _inner(value: Any, kind: Any, *, strict: bool) -> Iterator[Mistake]:
    if is_model(kind):
        yield from model_mistakes(value, kind)
        return
    for key, part, part_kind in _parts(value, kind):
        if part is _ABSENT:
            yield key, "Required."
        elif part_kind is _ABSENT:
            yield key, "Unknown field."
        else:
            for field, message in mistakes(part, part_kind, strict=strict):
                yield f"{key}.{field}" if field else key, message


def _parts(value: Any, kind: Any) -> Iterator[tuple[str, Any, Any]]:
    """Give key, value and type of every part; an absent value is missing, an absent type is unknown."""
    origin, arguments = get_origin(kind), get_args(kind)
    container = origin or kind
    if not isinstance(container, type):
        return
    if isinstance(value, list) and arguments and not issubclass(container, Mapping):
        kinds = arguments[:1] * len(value) if container is not tuple or arguments[-1] is ... else arguments
        for index, (part, part_kind) in enumerate(zip(value, kinds, strict=False)):
            yield str(index), part, part_kind
    elif isinstance(value, dict) and issubclass(container, msgspec.Struct):
        yield from _fields(value, kind, container)
    elif isinstance(value, dict) and issubclass(container, Mapping) and len(arguments) == 2:
        for key, part in value.items():
            yield str(key), part, arguments[1]


def _fields(value: dict[Any, Any], kind: Any, struct: type[msgspec.Struct]) -> Iterator[tuple[str, Any, Any]]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name in value or field.required:
            yield name, value.get(name, _ABSENT), field.type
    config = struct.__struct_config__
    if config.forbid_unknown_fields:
        for name, part in value.items():
            if name not in fields and name != config.tag_field:
                yield str(name), part, _ABSENT


def without_metadata(kind: Any) -> Any:
    """Return an annotation without its `Annotated`."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _member(value: Any, kind: Any) -> Any:
    """Return the member of a union that `value` is meant to be: the only one, or the one whose tag it has."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    members = [without_metadata(member) for member in get_args(kind) if member is not NoneType]
    if len(members) == 1:
        return members[0]
    for member in members:
        config = getattr(member, "__struct_config__", None)
        if (
            config
            and config.tag_field
            and isinstance(value, dict)
            and value.get(config.tag_field) == config.tag
        ):
            return member
    return kind


def split(error: msgspec.ValidationError) -> Mistake:
    """Split msgspec's ``Expected `int`, got `str` - at `$.levels[0]` `` into field and message.

    A key of a dict, which msgspec does not report, is ``*``.
    """
    message, _, place = str(error).partition(" - at `$")
    field = place.rstrip("`").replace("[...]", ".*").replace("[", ".").replace("]", "").strip(".")
    return field, message.removesuffix(".") + "."

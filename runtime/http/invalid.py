"""Everything that is wrong with an input, told at once: the cold path behind every 400.

Litestar stops at the first missing parameter and msgspec at the first bad field of a body. When they have
refused, and only then, the parts are looked at again one by one.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import Empty
from litestar.typing import FieldDefinition
from litestar.utils.scope.state import ScopeState

from shared.errors import AnnexError, FieldError, Invalid, Malformed, NotFound

LIMIT = 100  # field errors told; a list of a million wrong numbers is not worth a million lines

ABSENT = object()

type Fault = tuple[str, str]
"""Dotted field, message."""


def explain(request: Request[Any, Any, Any], error: HTTPException) -> AnnexError:
    """Say what is wrong with the input that Litestar has refused with 400.

    Returns:
        `NotFound` where a path value is not of its type, else `Invalid` with every field, `Malformed` where
        no field can be named.
    """
    handler = request.scope.get("route_handler")
    model = getattr(handler, "signature_model", None)
    if not isinstance(handler, HTTPRouteHandler) or model is None:
        return Malformed("The request cannot be read.")
    if any(
        _is_elsewhere(value, model.__annotations__.get(name)) for name, value in request.path_params.items()
    ):
        return NotFound("route")
    found = tuple(islice(_errors(request, handler), LIMIT)) or tuple(_reported(error))
    return Invalid(errors=found) if found else Malformed("The request cannot be read.")


def faults(value: Any, kind: Any, hook: Callable[[type, Any], Any] | None = None) -> Iterator[Fault]:
    """Give everything that keeps `value` from being a `kind`, innermost first; nothing where it is one.

    Args:
        value: builtins, as decoded from JSON or a query string.
        kind: any type that msgspec converts to.
        hook: msgspec's `dec_hook`.
    """
    try:
        msgspec.convert(value, kind, strict=False, dec_hook=hook, str_keys=True)
    except msgspec.ValidationError as error:
        inner = _inner_faults(value, kind, hook)
        first = next(inner, None)
        if first is None:
            yield _fault(error)
        else:
            yield first
            yield from inner


def _errors(request: Request[Any, Any, Any], handler: HTTPRouteHandler) -> Iterator[FieldError]:
    model: Any = handler.signature_model
    hook = partial(_decode, handler.default_deserializer)
    for name, definition in model._fields.items():  # the only way to a handler's parameters
        if name in model._dependency_name_set:  # noqa: SLF001  # likewise
            continue
        location, alias = _whereabouts(request, name, definition)
        value = _value(request, location, alias, definition)
        if value is ABSENT:
            if not definition.has_default and location:
                yield FieldError(
                    location, alias, "A body is required." if location == "body" else "Required."
                )
            continue
        for field, message in faults(value, model.__annotations__[name], hook):
            yield FieldError(location, ".".join(filter(None, (alias, field))), message)


def _whereabouts(request: Request[Any, Any, Any], name: str, definition: FieldDefinition) -> tuple[str, str]:
    """Return where a parameter is sent, ``""`` for what is injected, and its name there."""
    if name == "data":
        return "body", ""
    if name in request.path_params:
        return "path", name
    kwarg = definition.kwarg_definition
    if isinstance(kwarg, ParameterKwarg):
        if kwarg.header:
            return "header", kwarg.header
        if kwarg.cookie:
            return "cookie", kwarg.cookie
        return "query", kwarg.query or name
    return ("", name) if name in _INJECTED else ("query", name)


_INJECTED = {"request", "scope", "state", "headers", "cookies", "query", "body", "socket"}


def _value(request: Request[Any, Any, Any], location: str, alias: str, definition: FieldDefinition) -> Any:
    if location == "path":
        return request.path_params[alias]
    if location == "query":
        values = request.query_params.getall(alias, [])
        if not values:
            return ABSENT
        return list(values) if definition.is_non_string_sequence else values[-1]
    if location == "header":
        return request.headers.get(alias, ABSENT)
    if location == "body":
        body = ScopeState.from_scope(request.scope).json
        return ABSENT if body is Empty else body
    return ABSENT


def _inner_faults(value: Any, kind: Any, hook: Callable[[type, Any], Any] | None) -> Iterator[Fault]:
    """Look at the parts of a value; gives nothing where only the whole is wrong."""
    kind = _member(value, _bare(kind))
    for key, part, part_kind in _parts(value, kind):
        if part is ABSENT:
            yield key, "Required."
        elif part_kind is ABSENT:
            yield key, "Unknown field."
        else:
            for field, message in faults(part, part_kind, hook):
                yield ".".join(filter(None, (key, field))), message


def _parts(value: Any, kind: Any) -> Iterator[tuple[str, Any, Any]]:
    """Give key, value and type of every part; an absent value is missing, an absent type is unknown."""
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(value, list) and arguments and isinstance(origin, type) and not issubclass(origin, Mapping):
        kinds = arguments[:1] * len(value) if origin is not tuple or arguments[-1] is ... else arguments
        yield from (
            (str(index), part, of) for index, (part, of) in enumerate(zip(value, kinds, strict=False))
        )
    elif isinstance(value, dict) and len(arguments) == 2 and isinstance(origin, type):
        yield from ((str(key), part, arguments[1]) for key, part in value.items())
    elif (
        isinstance(value, dict)
        and isinstance(origin or kind, type)
        and issubclass(origin or kind, msgspec.Struct)
    ):
        yield from _struct_parts(value, kind)


def _struct_parts(value: dict[Any, Any], kind: Any) -> Iterator[tuple[str, Any, Any]]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name in value or field.required:
            yield name, value.get(name, ABSENT), field.type
    config = (get_origin(kind) or kind).__struct_config__
    if config.forbid_unknown_fields:
        known = {*fields, config.tag_field}
        yield from ((str(name), part, ABSENT) for name, part in value.items() if name not in known)


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _member(value: Any, kind: Any) -> Any:
    """Return the member of a union that `value` is meant to be: the only one, or the one whose tag it has."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    members = [_bare(member) for member in get_args(kind) if member is not NoneType]
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


def _is_elsewhere(value: Any, kind: Any) -> bool:
    """Whether a path value is not even of its type, so that the URL names nothing; bounds do not count."""
    return kind is not None and next(faults(value, _bare(kind)), None) is not None


def _decode(fallback: Callable[[Any, Any], Any], kind: Any, value: Any) -> Any:
    """As the framework does: keep what is of the type already, else use the decoder left on the type."""
    if isinstance(kind, type) and isinstance(value, kind):
        return value
    decoder = getattr(kind, "_decoder", None)
    return decoder(kind, value) if decoder else fallback(kind, value)


def _fault(error: Exception) -> Fault:
    """Split msgspec's `Expected `int`, got `str` - at `$.levels[0]`` into field and message."""
    message, _, place = str(error).partition(" - at `$")
    field = place.rstrip("`").replace("[", ".").replace("]", "").strip(".")
    return field, message.removesuffix(".") + "."


def _reported(error: HTTPException) -> Iterator[FieldError]:
    """Give what Litestar itself has found, for the bodies that are not looked into (forms)."""
    for entry in error.extra if isinstance(error.extra, list) else ():
        if isinstance(entry, dict) and "message" in entry:
            source = str(entry.get("source", "body"))
            yield FieldError(source, str(entry.get("key", "")), str(entry["message"]))

"""Inputs that an annotation takes from a header, a cookie or a form, and what keeps them from being so."""

import re
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from litestar.datastructures import UploadFile
from msgspec import inspect

from runtime.inputs import SOURCES, Cookie, Form, Header, InputSource
from runtime.routing.annotations.describe import bare, describe, is_query_value, is_union, spell
from runtime.routing.annotations.form import fields_of, is_file, members
from runtime.routing.annotations.models import Either, is_model
from runtime.routing.annotations.walk import RECORDS, plain, walk
from runtime.routing.calling.inputs.validation import without_metadata
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Input, Operation
from runtime.routing.reading.faults import Fault
from runtime.routing.signature.handler import Handler

KINDS: dict[type[InputSource], InputKind] = {
    Header: InputKind.HEADER,
    Cookie: InputKind.COOKIE,
    Form: InputKind.FORM,
}
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
_CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization"})
_CREDENTIAL_COOKIES = re.compile(r"__(session|client|clerk|refresh)", re.IGNORECASE)
_COMMON = frozenset(
    """
    accept accept_charset accept_encoding accept_language authorization cache_control content_encoding
    content_length content_type cookie forwarded idempotency_key if_match if_modified_since if_none_match
    if_range if_unmodified_since last_event_id origin proxy_authorization referer referrer stripe_signature
    traceparent tracestate user_agent
    """.split()  # noqa: SIM905  a list with a quote around each takes a page
)
_HEADER_PREFIXES = ("x_", "sec_", "svix_", "cf_", "webhook_")
"""With the names above, what headers are called in Python, and a query parameter hardly is."""


def sources_of(annotation: Any) -> list[InputSource]:
    """Return the sources that an annotation names, in aliases and unions too."""
    if isinstance(annotation, typing.TypeAliasType):
        return sources_of(annotation.__value__)
    if is_union(annotation):
        return [each for member in typing.get_args(annotation) for each in sources_of(member)]
    if typing.get_origin(annotation) is not typing.Annotated:
        return []
    made = [each() if each in SOURCES else each for each in annotation.__metadata__ if _is_hashable(each)]
    return [each for each in made if isinstance(each, SOURCES)] + sources_of(annotation.__origin__)


def _is_hashable(value: Any) -> bool:
    return type(value).__hash__ is not None


def alias_of(source: InputSource, name: str) -> str:
    """Return what an input is called in the request."""
    match source:
        case Header():
            return source.name or "-".join(part.capitalize() for part in name.split("_"))
        case Cookie():
            return source.name or name
        case Form():
            return name


def source_fault(handler: Handler, name: str, annotation: Any, found: list[InputSource]) -> Fault | None:
    """Return what keeps a parameter from coming from the source that its annotation names."""
    where = f"{handler.method}({name})"
    if len(found) > 1:
        return handler.fault(f"{where} names more than one source.", "Keep one of Header, Cookie and Form.")
    source = found[0]
    if name in handler.path:
        what = type(source).__name__
        return handler.fault(f"{where} is in the path, and is a {what} as well.", "Rename one of the two.")
    if isinstance(source, Form):
        return form_fault(handler, name, annotation)
    return _name_fault(handler, name, source) or _value_fault(handler, name, annotation, source)


def _name_fault(handler: Handler, name: str, source: Header | Cookie) -> Fault | None:
    where, called = f"{handler.method}({name})", alias_of(source, name)
    if not _TOKEN.fullmatch(called):
        return handler.fault(
            f"{where}: {called!r} cannot be the name of a {type(source).__name__.lower()}.",
            "Use letters, digits and dashes.",
        )
    if isinstance(source, Header) and called.lower() in _CREDENTIAL_HEADERS:
        cure = "Take User; for the key of another service choose a header of its own, such as X-Api-Key."
        return handler.fault(f"{where}: {called} holds the caller's credential.", cure)
    if isinstance(source, Header) and called.lower() == "cookie":
        return handler.fault(
            f"{where}: Cookie holds every cookie.", 'Name one: Annotated[str, Cookie("theme")].'
        )
    if isinstance(source, Cookie) and _CREDENTIAL_COOKIES.match(called):
        return handler.fault(f"{where}: {called} holds the caller's credential.", "Take User.")
    return None


def _value_fault(handler: Handler, name: str, annotation: Any, source: Header | Cookie) -> Fault | None:
    where, what = f"{handler.method}({name})", type(source).__name__.lower()
    kind, problem = describe(annotation)
    if problem:
        return handler.fault(f"{where}: {problem}", "Use a type that msgspec supports.")
    if not is_query_value(kind):
        cure = "Use scalars, enums, dates or lists of these."
        return handler.fault(f"{where}: a {what} cannot hold {spell(without_metadata(annotation))}.", cure)
    return None


def form_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    """Return what keeps a parameter from being a form."""
    where = f"{handler.method}({name})"
    if name != "data":
        cure = "Write one struct for the whole form: data: Annotated[SomeStruct, Form()]."
        return handler.fault(f"{where} is a form, but is not named data.", cure)
    if handler.method == "get":
        return handler.fault(f"{where}: a GET has no body.", "Use query parameters, or post.")
    members = [each for each in bare(annotation) if each is not type(None)]
    if len(members) != 1 or not _is_record(members[0]):
        cure = "Use one struct with a field for each part of the form."
        return handler.fault(f"{where}: a form cannot be {spell(without_metadata(annotation))}.", cure)
    for field in fields_of(annotation):
        if not is_file(field.annotation) and not _is_text(field.annotation, members[0]):
            found = f"{where}: the form's field {field.name} cannot be {spell(field.annotation)}."
            return handler.fault(found, "Use Upload, scalars, enums, dates or lists of these.")
    return None


def _is_record(cls: Any) -> bool:
    """Say whether a class has fields, which a form could have: a struct, say, or a model that is no root."""
    if is_model(cls):
        return not isinstance(cls, Either) and cls.model_fields.keys() != {"root"}
    return isinstance(_described(cls), RECORDS)


def _is_text(annotation: Any, owner: Any) -> bool:
    """Say whether a form's text, given once or several times, can be a value of this type.

    What msgspec does not know is for pydantic to say in a model.
    """
    kind = _described(annotation)
    if is_model(owner) and (kind is None or isinstance(kind, inspect.CustomType | inspect.AnyType)):
        return not is_model(getattr(kind, "cls", None))
    return is_query_value(kind)


def _described(annotation: Any) -> inspect.Type | None:
    try:
        found: inspect.Type = plain(inspect.type_info(annotation))
    except Exception:  # noqa: BLE001 - a class of the file may raise what it likes
        return None
    return found


def has_files(annotation: Any, kind: inspect.Type | None) -> bool:
    """Say whether somewhere in a type there is a file, which only a form can carry.

    Args:
        annotation: the type.
        kind: its description, None where it was refused.
    """
    kind = plain(kind) if kind is not None else _described(annotation)
    found = {getattr(each, "cls", None) for each in walk(kind)} if kind is not None else set()
    inside = (fields_of(each) for each in found if is_model(each))
    return UploadFile in found or any(
        UploadFile in members(each.annotation) for fields in inside for each in fields
    )


def misplaced_source(handler: Handler, name: str, default: Any) -> Fault | None:
    """Return a fault where a source stands in the place of the default, as other frameworks have it."""
    source = default if isinstance(default, SOURCES) else None
    if source is None and default not in SOURCES:
        return None
    what = type(source).__name__ if source else default.__name__
    return handler.fault(
        f"{handler.method}({name}) has {what} for a default.", f"Write {name}: Annotated[str, {what}()]."
    )


def repeated(handler: Handler, inputs: Iterable[Input]) -> Iterator[Fault]:
    """Yield a fault for each header or cookie that two parameters read."""
    seen: dict[tuple[InputKind, str], str] = {}
    for each in inputs:
        if each.kind in {InputKind.HEADER, InputKind.COOKIE}:
            name = each.field.lower() if each.kind is InputKind.HEADER else each.field
            first = seen.setdefault((each.kind, name), each.name)
            if first != each.name:
                found = f"{handler.method}({each.name}) reads {each.field}, as {first} does."
                yield handler.fault(found, "Remove one of the two.")


def _is_header_like(name: str) -> bool:
    return name.lower() in _COMMON or name.lower().startswith(_HEADER_PREFIXES)


def unlikely_queries(operation: Operation) -> Iterator[Fault]:
    """Yield a doubt about each query parameter that was probably meant to be a header; it serves as it is."""
    endpoint = operation.endpoint
    for each in operation.inputs:
        if each.kind is InputKind.QUERY and _is_header_like(each.name):
            is_credential = each.name in {"authorization", "cookie", "proxy_authorization"}
            header = f"{each.name}: Annotated[{spell(each.annotation)}, Header()]"
            yield Fault(
                file=endpoint.file,
                line=operation.line,
                found=f"{endpoint.method.lower()}({each.name}) is a query parameter, not a header.",
                cure="Take User." if is_credential else f"If a header is meant, write {header}.",
            )

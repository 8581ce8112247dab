"""What an annotation describes: its form in JSON, in a URL and in a message."""

import re
import sys
import types
import typing
from typing import Any

import msgspec
from litestar.datastructures import UploadFile
from msgspec import inspect

from runtime.routing.annotations.models import is_model
from runtime.routing.annotations.walk import LISTS, plain, walk

MODULE_PREFIX = "annex_functions_"
"""What the names of modules of function files begin with in `sys.modules`; nobody is shown it."""

_IN_A_URL = (
    inspect.StrType,
    inspect.IntType,
    inspect.FloatType,
    inspect.BoolType,
    inspect.DecimalType,
    inspect.UUIDType,
    inspect.DateType,
    inspect.DateTimeType,
    inspect.TimeType,
    inspect.TimeDeltaType,
    inspect.EnumType,
    inspect.LiteralType,
)
_SIMPLE = {id(kind): inspect.type_info(kind) for kind in (str, int, float, bool)}
"""By identity: to look a class up, Python calls its hash, which may be a file's."""
_MODULE = re.compile(rf"{MODULE_PREFIX}[0-9a-f]+\.(?:[^,| ]+\.)?")


def describe(annotation: Any) -> tuple[inspect.Type | None, str | None]:
    """Return msgspec's description of a type, or why it has none."""
    if (simple := _SIMPLE.get(id(annotation))) is not None:
        return simple, None
    try:
        if _is_own_alias(annotation):  # msgspec would follow it for ever, and hold the interpreter
            return None, "It is an alias of itself."
        kind = inspect.type_info(annotation)
        msgspec.json.Decoder(annotation)
        custom = _custom(kind)
    except Exception as error:  # noqa: BLE001 - msgspec, and annotations of any make, raise what they like
        text = str(error).splitlines()[0].rstrip(".")
        if "custom type" in text and "pydantic.main" in sys.modules:
            text = (
                "A union with a pydantic model in a struct's field, or with a struct beside it, needs a "
                "model of its own: class Either(RootModel[A | B])"
            )
        elif "type union" in text and ("Struct" in text or "dict-like" in text):
            text = "The structs of a union need a tag each, such as class A(Struct, tag=True)"
        return None, f"{_MODULE.sub('', text)}."
    return kind, f"msgspec does not support {spell(custom)}." if custom is not None else None


def _is_own_alias(annotation: Any) -> bool:
    """Say whether an alias (`type A = A`) stands, through other aliases or not, for itself."""
    seen: set[Any] = set()
    while isinstance(annotation, typing.TypeAliasType) or typing.get_origin(annotation) is typing.Annotated:
        if annotation in seen:
            return True
        seen.add(annotation)
        is_alias = isinstance(annotation, typing.TypeAliasType)
        annotation = annotation.__value__ if is_alias else annotation.__origin__
    return False


def _custom(kind: inspect.Type) -> Any:
    """Return the first type inside `kind` that msgspec would pass to a hook."""
    customs = (each.cls for each in walk(kind) if isinstance(each, inspect.CustomType))
    return next((cls for cls in customs if cls is not object and not is_model(cls)), None)


def schema_of(annotation: Any) -> dict[str, Any]:
    """Return the JSON schema of a type; an empty one where its class does not let itself be described."""
    try:
        return msgspec.json.schema(annotation)
    except Exception:  # noqa: BLE001 - an enum is a class of the file, and may raise what it likes
        return {}


def is_path_value(kind: inspect.Type | None) -> bool:
    """Say whether one segment of a URL can hold a value of this type."""
    return isinstance(plain(kind), _IN_A_URL)


def is_query_value(kind: inspect.Type | None) -> bool:
    """Say whether a query string can hold a value of this type, given once or several times."""
    kind = plain(kind)
    if isinstance(kind, inspect.UnionType):
        members = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        return all(is_query_value(each) for each in members)
    return is_path_value(kind.item_type if isinstance(kind, LISTS) else kind)


def bare(annotation: Any) -> set[Any]:
    """Return the members of a union, without `Annotated` and type arguments."""
    if typing.get_origin(annotation) is typing.Annotated:
        return bare(typing.get_args(annotation)[0])
    if is_union(annotation):
        return set().union(*(bare(member) for member in typing.get_args(annotation)))
    return {typing.get_origin(annotation) or annotation}


def is_union(annotation: Any) -> bool:
    """Say whether an annotation is a union."""
    return typing.get_origin(annotation) in {typing.Union, types.UnionType}


def is_upload(annotation: Any) -> bool:
    """Say whether an annotation is an uploaded file, or a list or dict of them."""
    members = (annotation, *typing.get_args(annotation))
    return any(UploadFile in bare(member) for member in members)


def spell(annotation: Any) -> str:
    """Write a type as a developer would, without the names that modules of functions have in this process."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return _MODULE.sub("", str(annotation)).replace("typing.", "")

"""The fields of a form's struct: what each is called in the form, and whether it is text or a file."""

import dataclasses
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from litestar.datastructures import UploadFile
from msgspec import UNSET

from runtime.routing.annotations.describe import bare, is_union
from runtime.routing.annotations.models import is_model, model_of

MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
CHECKED = {"on": "true", "off": "false"}
"""What a checkbox of a page says."""


class FormField(msgspec.Struct, frozen=True):
    """One field.

    Attributes:
        name: in Python.
        field: in the form.
        annotation: its type.
        is_required: it has no default.
    """

    name: str
    field: str
    annotation: Any
    is_required: bool


def fields_of(annotation: Any) -> list[FormField]:
    """Return the fields of the struct, dataclass, TypedDict or model of an annotation, beside None."""
    cls = form_class(annotation)
    if is_model(cls):
        return [
            FormField(name, _alias(each) or name, each.annotation, each.is_required())
            for name, each in model_of(cls).model_fields.items()
        ]
    hints = get_type_hints(cls, include_extras=True)
    if issubclass(cls, msgspec.Struct):
        return [
            FormField(each.name, each.encode_name, each.type, each.required)
            for each in msgspec.structs.fields(cls)
        ]
    if dataclasses.is_dataclass(cls):
        absent = dataclasses.MISSING
        return [
            FormField(each.name, each.name, hints[each.name], each.default is each.default_factory is absent)
            for each in dataclasses.fields(cls)
            if each.init
        ]
    required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())
    plain = get_type_hints(cls)
    return [FormField(name, name, plain[name], name in required) for name in hints]


def _alias(field: Any) -> str | None:
    """Return what a model's field is called in the form: its first alias that is a name."""
    alias = field.validation_alias or field.alias
    choices = getattr(alias, "choices", [alias])
    return next((each for each in choices if isinstance(each, str)), None)


def form_class(annotation: Any) -> type[Any]:
    """Return the class of a form's struct."""
    (cls,) = bare(annotation) - {type(None)}
    found: type[Any] = cls
    return found


def members(annotation: Any) -> set[Any]:
    """Return everything that an annotation is made of: of `list[Upload] | None` these three."""
    if get_origin(annotation) is Annotated:
        return members(annotation.__origin__)
    found = {get_origin(annotation) or annotation} if not is_union(annotation) else set()
    return found.union(*map(members, get_args(annotation)))


def is_file(annotation: Any) -> bool:
    """Say whether a field holds an uploaded file, or a list of them; nothing but None may stand beside it."""
    found = members(annotation)
    return UploadFile in found and found <= {UploadFile, list, type(None), type(UNSET)}


def holds_text(annotation: Any) -> bool:
    """Say whether an empty text is a value of this type; of any other it is a field that was left empty."""
    return str in members(annotation)


def needs_files(annotation: Any) -> bool:
    """Say whether the form cannot be sent without a file, so that it is always multipart."""
    return any(each.is_required and is_file(each.annotation) for each in fields_of(annotation))

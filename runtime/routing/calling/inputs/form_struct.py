"""A form, urlencoded or multipart, as one struct or model; everything wrong with it is told at once."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile

from runtime.routing.annotations.defaults import fresh
from runtime.routing.annotations.form import (
    CHECKED,
    MULTIPART,
    URLENCODED,
    FormField,
    fields_of,
    form_class,
    holds_text,
    is_file,
    members,
    needs_files,
)
from runtime.routing.annotations.models import is_model
from runtime.routing.calling.inputs.body import media_type
from runtime.routing.calling.inputs.form import MAX_PARTS, FormParts
from runtime.routing.calling.inputs.form_model import ModelForm
from runtime.routing.calling.inputs.texts import TextReader
from runtime.routing.calling.inputs.validation import Arguments
from runtime.routing.operation import Input
from shared.errors import FieldError, Malformed, UnsupportedMediaType


class FormReader:
    """The fields of a form."""

    def __init__(self, given: Input) -> None:
        self._name = given.name
        self._is_required = given.default is msgspec.NODEFAULT
        self._fresh = fresh(given.default)
        made, fields = form_class(given.annotation), fields_of(given.annotation)
        self._made_of = (ModelForm if is_model(made) else _StructForm)(made, fields).read
        self._media = (MULTIPART,) if needs_files(given.annotation) else (MULTIPART, URLENCODED)

    async def read(self, arguments: Arguments, request: Request[Any, Any, Any]) -> list[FieldError]:
        """Add the struct or model to `arguments`, or return what is wrong with each field."""
        media = media_type(request.scope)
        if media is None and not await request.body():
            if self._fresh:
                arguments[self._name] = self._fresh()
            return [FieldError("body", "", "Required.")] if self._is_required else []
        if media not in self._media:
            raise UnsupportedMediaType(f"Send the form as {' or '.join(self._media)}.")
        parts = await (_multipart(request) if media == MULTIPART else _urlencoded(request))
        arguments[self._name], errors = self._made_of(parts)
        return errors


class _StructForm:
    """Makes a struct of the parts of a form."""

    def __init__(self, struct: type[Any], fields: list[FormField]) -> None:
        self._struct = struct
        self._fields = [_FieldReader(each) for each in fields]
        config = getattr(struct, "__struct_config__", None)
        self._forbids = config is not None and config.forbid_unknown_fields

    def read(self, parts: FormParts) -> tuple[Any, list[FieldError]]:
        """Return the struct, or what is wrong with each field."""
        errors: list[FieldError] = []
        values: Arguments = {}
        for field in self._fields:
            field.read(values, parts.pop(field.field, []), errors)
        if self._forbids:
            errors += [FieldError("body", name, "Unknown field.") for name in parts]
        if not errors:
            try:
                return self._struct(**values), []
            except (ValueError, TypeError) as error:  # a `__post_init__` speaks to the caller, as in JSON
                errors.append(FieldError("body", "", str(error)))
        return None, errors


class _FieldReader:
    """One field: texts, or files."""

    def __init__(self, given: FormField) -> None:
        default = msgspec.NODEFAULT if given.is_required else None
        self.field = given.field
        self._name = given.name
        self._is_file = is_file(given.annotation)
        self._is_required = given.is_required
        self._kind = given.annotation
        self._members = members(given.annotation)
        self._keeps_empty = holds_text(given.annotation)
        self._is_bool = bool in self._members
        if not self._is_file:
            self._text = TextReader("body", given.field, given.name, given.annotation, default)

    def read(self, values: Arguments, parts: list[str | UploadFile], errors: list[FieldError]) -> None:
        """Add the value to `values`, or what is wrong to `errors`; where absent, its default holds."""
        if not self._keeps_empty:
            parts = [part for part in parts if part != ""]
        if self._is_file:
            self._read_files(values, parts, errors)
        elif any(isinstance(part, UploadFile) for part in parts):
            errors.append(FieldError("body", self.field, "Expected text, got a file."))
        else:
            texts = [str(part) for part in parts]
            if self._is_bool:
                texts = [CHECKED.get(text, text) for text in texts]
            self._text.read(values, texts or None, errors)

    def _read_files(self, values: Arguments, parts: list[str | UploadFile], errors: list[FieldError]) -> None:
        if not all(isinstance(part, UploadFile) for part in parts):
            errors.append(FieldError("body", self.field, "Expected a file."))
        elif not parts:
            if self._is_required:
                errors.append(FieldError("body", self.field, "Required."))
        elif list in self._members:
            values[self._name] = parts
        elif len(parts) > 1:
            errors.append(FieldError("body", self.field, "Given more than once."))
        else:
            values[self._name] = parts[0]


async def _multipart(request: Request[Any, Any, Any]) -> FormParts:
    parts: FormParts = {}
    for name, value in (await request.form()).multi_items():
        parts.setdefault(name, []).append(value)
    return parts


async def _urlencoded(request: Request[Any, Any, Any]) -> FormParts:
    parts: FormParts = {}
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARTS, errors="strict")
    except ValueError:
        raise Malformed(f"The body is not a valid {URLENCODED} form of at most {MAX_PARTS} fields.") from None
    for name, value in pairs:
        parts.setdefault(name, []).append(value)
    return parts

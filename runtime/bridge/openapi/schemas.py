"""JSON schemas of the types that are sent and received: msgspec's, completed.

A struct field with a default is optional in a request but always present in a response. A type that is used
in both directions and differs becomes two components: `Reading` in responses, `ReadingInput` in requests.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_origin

import msgspec
from litestar.datastructures import UploadFile
from msgspec import UNSET, inspect

from runtime.bridge.openapi import docstrings, naming
from runtime.bridge.openapi.models import ModelSchemas, model_schemas
from runtime.routing.annotations.numbers import SAFE_INTEGER
from runtime.routing.annotations.walk import walk

Schema = dict[str, Any]

PREFIX = "#/components/schemas/"
FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
"""An uploaded file (OpenAPI 3.1, "Considerations for File Uploads")."""

_LEAST, _MOST = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
_CHOICE = {"enum", "const"}
_VALUES = frozenset({"default", "enum", "const", "examples"})
"""Keywords whose values are no schemas."""


class Schemas(NamedTuple):
    """The schemas in the order of the types, and the components that they refer to."""

    sent: list[Schema]
    answered: list[Schema]
    components: dict[str, Schema]


def build(
    sent: Iterable[Any], answered: Iterable[Any], known: Mapping[str, frozenset[str]] = MappingProxyType({})
) -> Schemas:
    """Describe the types of requests and of responses; the same in every process.

    Args:
        sent: types of requests.
        answered: types of responses.
        known: names in the committed contract, as for `naming.names_of`.
    """
    sent = list(sent)
    types = [*sent, *answered]
    named = named_types(types)
    names = naming.names_of([*types, *named], known)
    models = model_schemas(_customs(types), PREFIX)
    with naming.renamed(names):
        generated = msgspec.json.schema_components(
            [*types, *named], schema_hook=lambda kind: _custom(kind, models), ref_template=PREFIX + "{name}"
        )
    # Through JSON, because defaults may be tuples or sets, which the document does not have.
    schemas, raw = msgspec.json.decode(msgspec.json.encode(generated))
    requested, responded, own = schemas[: len(sent)], schemas[len(sent) : len(types)], schemas[len(types) :]
    owner = {_name(reference): cls for reference, cls in zip(own, named, strict=True)}

    inputs = {name: _describe(schema, named[owner[name]]) for name, schema in raw.items()}
    outputs = {name: _as_response(schema, owner[name]) for name, schema in inputs.items()} | models.answered
    inputs |= models.sent
    used_in, used_out = _reachable(requested, inputs), _reachable(responded, outputs)
    titles = {name: naming.title(owner[name], names) for name in raw} | models.titles
    out_names = naming.identifiers(titles)
    in_names = _input_names(out_names, _differing(inputs, outputs) & used_in & used_out)

    components = {in_names[name]: _renamed(inputs[name], in_names) for name in used_in}
    components |= {out_names[name]: _renamed(outputs[name], out_names) for name in used_out}
    return Schemas(
        [_with_range(_renamed(schema, in_names)) for schema in requested],
        [_with_range(_renamed(schema, out_names)) for schema in responded],
        {name: _with_range(schema) for name, schema in sorted(components.items())},
    )


def _customs(types: list[Any]) -> Iterator[Any]:
    """Yield the classes that msgspec leaves to others."""
    kinds = walk(*inspect.multi_type_info(types))
    yield from (kind.cls for kind in kinds if isinstance(kind, inspect.CustomType))


def _custom(kind: type[Any], models: ModelSchemas) -> Schema:
    """Describe a type that msgspec leaves to others."""
    if kind is UploadFile:
        return dict(FILE)
    if kind in models.references:
        return models.references[kind]
    raise NotImplementedError


def _with_range(schema: Any) -> Any:
    """Say of every integer without two bounds that it is one that a double holds (docs/adr/0062)."""
    if isinstance(schema, list):
        return [_with_range(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: value if key in _VALUES else _with_range(value) for key, value in schema.items()}
    if "properties" in schema:  # whose names may be keywords
        told["properties"] = {name: _with_range(value) for name, value in schema["properties"].items()}
    said = schema.keys()
    is_bounded = _CHOICE & said or (_LEAST & said and _MOST & said)
    if schema.get("type") == "integer" and not is_bounded:
        told["format"] = SAFE_INTEGER
    return told


def _input_names(names: dict[str, str], split: set[str]) -> dict[str, str]:
    taken = set(names.values())
    renamed = dict(names)
    for name in sorted(split):
        wanted = f"{names[name]}Input"
        while wanted in taken:
            wanted += "_"
        taken.add(wanted)
        renamed[name] = wanted
    return renamed


def named_types(types: Iterable[Any]) -> dict[Any, inspect.Type]:
    """Return every class that a component is made of and that is reachable, in order of finding."""
    kinds = (
        kind for kind in walk(*inspect.multi_type_info(types)) if not isinstance(kind, inspect.CustomType)
    )
    return {kind.cls: kind for kind in kinds if getattr(kind, "cls", None) is not None}


def _describe(schema: Schema, info: inspect.Type) -> Schema:
    schema = {key: value for key, value in schema.items() if key != "title"}
    if _is_signature(schema.get("description", ""), info):
        del schema["description"]
    text = docstrings.read(schema.pop("description", ""))
    if text.prose:
        schema["description"] = text.prose
    if isinstance(info, inspect.EnumType):
        names = {member.value: member.name for member in info.cls}
        kinds = {type(value) for value in schema["enum"]}
        schema["type"] = "string" if kinds == {str} else "integer"
        schema["x-enum-varnames"] = [names[value] for value in schema["enum"]]
    if "properties" in schema:
        python = {field.encode_name: field.name for field in getattr(info, "fields", ())}
        schema["properties"] = {
            name: _described(value, text.names.get(python.get(name, name)))
            for name, value in schema["properties"].items()
        }
    return schema


def _is_signature(text: str, info: inspect.Type) -> bool:
    """Whether the docstring is the signature that Python generates for a class without one."""
    if not isinstance(info, inspect.DataclassType | inspect.NamedTupleType):
        return False
    cls = get_origin(info.cls) or info.cls
    return text.startswith(f"{cls.__name__}(") and text.endswith(")")


def _described(schema: Schema, text: str | None) -> Schema:
    return schema if text is None or "description" in schema else {"description": text, **schema}


def _as_response(schema: Schema, cls: Any) -> Schema:
    """Require every field that a response always contains."""
    if "properties" not in schema:
        return schema
    optional = set(_omissible(get_origin(cls) or cls))
    required = [name for name in schema["properties"] if name not in optional]
    return {**schema, "required": required}


def _omissible(cls: Any) -> Iterator[str]:
    """Yield the fields that a response may omit."""
    if dataclasses.is_dataclass(cls):
        yield from (field.name for field in dataclasses.fields(cls) if field.default is UNSET)
    elif isinstance(cls, type) and issubclass(cls, msgspec.Struct):
        omits = cls.__struct_config__.omit_defaults
        for field in msgspec.structs.fields(cls):
            if field.default is UNSET or (omits and not field.required):
                yield field.encode_name
    else:
        required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())
        yield from set(getattr(cls, "__annotations__", {})) - required


def _differing(inputs: dict[str, Schema], outputs: dict[str, Schema]) -> set[str]:
    """Return the components that differ by direction, themselves or in what they refer to."""
    differing = {name for name in inputs if inputs[name] != outputs[name]}
    while True:
        more = {name for name, schema in inputs.items() if differing & set(references(schema))}
        if more <= differing:
            return differing
        differing |= more


def _reachable(schemas: Iterable[Schema], components: dict[str, Schema]) -> set[str]:
    waiting = [name for schema in schemas for name in references(schema)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(references(components[name]))
    return found


def references(schema: Any) -> Iterator[str]:
    """Yield the names of the components that a schema refers to directly."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield _name(schema)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, list):
        return [_renamed(value, names) for value in schema]
    if isinstance(schema, str) and schema.startswith(PREFIX):
        return PREFIX + names[schema.removeprefix(PREFIX)]
    if not isinstance(schema, dict):
        return schema
    return {key: _renamed(value, names) for key, value in schema.items()}


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).removeprefix(PREFIX)

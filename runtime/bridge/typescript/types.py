"""TypeScript types from JSON schemas."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from runtime.bridge.openapi.schemas import PREFIX, Schema


def declaration(name: str, schema: Schema) -> str:
    """Write an interface or a type alias."""
    lines = list(comment(schema.get("description", ""), "", fact=_members_by_name(schema)))
    if schema.get("type") == "object" and "properties" in schema:
        lines.append(f"export interface {name} {{")
        lines += _members(schema, "  ")
        lines.append("}\n")
    else:
        lines.append(f"export type {name} = {type_of(schema)};\n")
    return "\n".join(lines)


def _members(schema: Schema, indent: str) -> Iterator[str]:
    required = set(schema.get("required", []))
    for name, value in schema["properties"].items():
        yield from comment(value.get("description", ""), indent, fact=_fact(value))
        yield f"{indent}{key(name)}{'' if name in required else '?'}: {type_of(value)};"


def type_of(schema: Any) -> str:
    """Write a schema as one type expression."""
    if not isinstance(schema, dict):
        return "unknown"
    key = next((key for key in _WRITERS if key in schema), "")
    return _WRITERS[key](schema) if key else "unknown"


def union_of(options: Iterable[Schema]) -> str:
    """Write a union of types."""
    types = dict.fromkeys(type_of(option) for option in options)
    return "unknown" if "unknown" in types else " | ".join(types)


def _primitive(schema: Schema) -> str:
    kind = schema["type"]
    if isinstance(kind, list):
        return union_of({**schema, "type": one} for one in kind)
    if schema.get("contentMediaType") == "application/octet-stream":
        return "Blob"
    if kind in {"array", "object"}:
        return _array(schema) if kind == "array" else _object(schema)
    return "number" if kind == "integer" else str(kind)


_WRITERS: dict[str, Callable[[Schema], str]] = {
    "$ref": lambda schema: str(schema["$ref"]).removeprefix(PREFIX),
    "const": lambda schema: json.dumps(schema["const"], ensure_ascii=False),
    "enum": lambda schema: union(schema["enum"]),
    "anyOf": lambda schema: union_of(schema["anyOf"]),
    "oneOf": lambda schema: union_of(schema["oneOf"]),
    "type": _primitive,
}
"""By keyword; the most specific first."""


def _array(schema: Schema) -> str:
    if "prefixItems" not in schema:
        item = type_of(schema.get("items", True))
        return f"({item})[]" if re.search(r"[ |]", item) and not item.startswith("{") else f"{item}[]"
    least = schema.get("minItems", 0)
    items = [
        type_of(item) if place < least else f"({type_of(item)})?"
        for place, item in enumerate(schema["prefixItems"])
    ]
    return f"[{', '.join(items)}]"


def _object(schema: Schema) -> str:
    if "properties" in schema:
        return "{ " + " ".join(_members({**schema}, "")) + " }"
    return f"{{ [key: string]: {type_of(schema.get('additionalProperties', True))} }}"


def sendable(schema: Any) -> str:
    """Write the type of a query parameter; a date-time may also be a `Date`."""
    kind = type_of(schema)
    return f"{kind} | Date" if isinstance(schema, dict) and schema.get("format") == "date-time" else kind


def _fact(schema: Schema) -> str:
    """Return what the type cannot express: the format of a string."""
    options = [schema, *(option for option in schema.get("anyOf", []) if isinstance(option, dict))]
    for option in options:
        if option.get("type") == "string" and (option.get("format") or option.get("contentEncoding")):
            return f"Format: {option.get('format') or option['contentEncoding']}"
    return ""


def _members_by_name(schema: Schema) -> str:
    """Return the names of an integer enum's members, which a union of numbers loses."""
    if schema.get("type") != "integer" or "x-enum-varnames" not in schema:
        return ""
    named = zip(schema["x-enum-varnames"], schema["enum"], strict=True)
    return ", ".join(f"{name} is {value}" for name, value in named)


def union(values: Iterable[object]) -> str:
    """Write a union of literals."""
    return " | ".join(json.dumps(value, ensure_ascii=False) for value in values) or "never"


def comment(text: str, indent: str, *, fact: str = "", deprecated: bool = False) -> Iterator[str]:
    """Yield the lines of a JSDoc comment."""
    lines = text.strip().splitlines()
    lines += f"{fact}.".splitlines() if fact else []
    lines = [line.rstrip().replace("*/", "*\\/") for line in lines]
    if deprecated:
        lines += ["@deprecated"]
    if len(lines) == 1:
        yield f"{indent}/** {lines[0]} */"
    elif lines:
        yield f"{indent}/**"
        yield from (f"{indent} * {line}".rstrip() for line in lines)
        yield f"{indent} */"


def key(name: str) -> str:
    """Write a property name, quoted where it is no identifier."""
    return name if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name) else json.dumps(name)

"""`client/schema.ts` from the OpenAPI document: types only, readable, in a stable order.

Routes are grouped by method, so that the compiler looks a call up by two keys and nothing else; that is what
keeps an editor fast with hundreds of functions.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from runtime.bridge.schemas import PREFIX, Schema
from runtime.config import METHODS

_WORDS = (
    *("Routes", "Streams", "Everywhere", "Date", "FormData"),
    *("any", "bigint", "boolean", "never", "null", "number", "object", "string", "symbol", "undefined"),
    *("unknown", "void", "case", "catch", "const", "debugger", "default", "delete", "do", "enum", "export"),
    *("extends", "false", "function", "implements", "instanceof", "interface", "let", "new", "package"),
    *(
        "private",
        "protected",
        "public",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "typeof",
        "var",
    ),
)
RESERVED = frozenset(_WORDS)
"""What `schema.ts` says itself, and what no interface may be called."""

HEADER = "/** Written by `annex client` from the functions' signatures; changes made here are lost. */\n"


type Components = dict[str, Schema]


class Entry(NamedTuple):
    """One operation of the document."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def is_stream(self) -> bool:
        """It answers with events."""
        answers = self.operation["responses"].values()
        return any("text/event-stream" in answer.get("content", {}) for answer in answers)


def emit(document: dict[str, Any]) -> str:
    """Write the whole of `schema.ts`; a pure function of the document."""
    components: Components = document["components"]["schemas"]
    entries = list(_entries(document))
    calls = [entry for entry in entries if not entry.is_stream]
    streams = [entry for entry in entries if entry.is_stream]
    everywhere = union(document["x-error-codes"])
    return "\n".join(
        [
            HEADER,
            *(_declaration(name, schema) for name, schema in components.items()),
            f"/** What any route may answer. */\nexport type Everywhere = {everywhere};\n",
            _table("Routes", "What each path answers, by method.", calls, components),
            _table("Streams", "The event streams, by method.", streams, components),
        ]
    )


def _entries(document: dict[str, Any]) -> Iterator[Entry]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if (
                method in item and {"webhook": []} not in item[method]["security"]
            ):  # the app does not call those
                yield Entry(method, path, item[method])


def _table(name: str, doc: str, entries: list[Entry], components: Components) -> str:
    lines = [f"/** {doc} */", f"export interface {name} {{"]
    for method in METHODS:
        chosen = [entry for entry in entries if entry.method == method]
        if not chosen:
            lines.append(f"  {method}: object;")
            continue
        lines.append(f"  {method}: {{")
        for entry in chosen:
            lines += _route(entry, components)
        lines.append("  };")
    lines.append("}\n")
    return "\n".join(lines)


def _route(entry: Entry, components: Components) -> Iterator[str]:
    operation = entry.operation
    text = "\n\n".join(filter(None, [operation.get("summary"), operation.get("description")]))
    yield from _comment(text, "    ", deprecated=operation.get("deprecated", False))
    yield f"    {json.dumps(_template(entry.path, operation))}: {{"
    for place in ("path", "query"):
        parameters = [one for one in operation.get("parameters", []) if one["in"] == place]
        if parameters:
            absent = "" if any(one.get("required") for one in parameters) else "?"
            yield f"      {place}{absent}: {{"
            for one in parameters:
                yield from _comment(one.get("description", ""), "        ")
                mark = "" if one.get("required") else "?"
                kind = _sendable(one["schema"]) if place == "query" else type_of(one["schema"])
                kind += " | undefined" if mark else ""
                yield f"        {_key(one['name'])}{mark}: {kind};"
            yield "      };"
    if "requestBody" in operation:
        absent = "" if operation["requestBody"].get("required") else "?"
        yield f"      body{absent}: {_body(operation['requestBody'])};"
    yield from _answer(operation, components)
    yield f"      errors: {' | '.join(['Everywhere', *map(json.dumps, operation.get('x-error-codes', []))])};"
    yield "    };"


def _template(path: str, operation: dict[str, Any]) -> str:
    for one in operation.get("parameters", []):
        if one.get("x-catch-all"):
            path = path.replace(f"{{{one['name']}}}", f"{{...{one['name']}}}")
    return path


def _body(body: dict[str, Any]) -> str:
    kinds = {
        "FormData" if media.startswith("multipart/") else type_of(content["schema"])
        for media, content in body["content"].items()
    }
    return " | ".join(sorted(kinds))


def _events(schema: Schema, components: Components) -> str:
    """Write the union of a stream's events; `error` is left out, since the client throws it."""
    return _union(option for option in schema["anyOf"] if not _is_failure(option, components))


def _is_failure(schema: Schema, components: Components) -> bool:
    told = components.get(type_of(schema), schema)
    return bool(told.get("properties", {}).get("type", {}).get("enum") == ["error"])


def _answer(operation: dict[str, Any], components: Components) -> Iterator[str]:
    for status, answer in operation["responses"].items():
        if not status.startswith("2"):
            continue
        content = answer.get("content", {})
        if "text/event-stream" in content:
            yield f"      events: {_events(content['text/event-stream']['schema'], components)};"
        elif "application/json" in content:
            yield f"      response: {type_of(content['application/json']['schema'])};"
        else:
            yield f"      response: {'unknown' if content else 'undefined'};"


def _declaration(name: str, schema: Schema) -> str:
    lines = list(_comment(schema.get("description", ""), "", fact=_members_by_name(schema)))
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
        yield from _comment(value.get("description", ""), indent, fact=_fact(value))
        yield f"{indent}{_key(name)}{'' if name in required else '?'}: {type_of(value)};"


def type_of(schema: Any) -> str:
    """Write a schema as one type expression."""
    if not isinstance(schema, dict):
        return "unknown"
    key = next((key for key in _WRITERS if key in schema), "")
    return _WRITERS[key](schema) if key else "unknown"


def _union(options: Iterable[Schema]) -> str:
    types = dict.fromkeys(type_of(option) for option in options)
    return "unknown" if "unknown" in types else " | ".join(types)


def _primitive(schema: Schema) -> str:
    kind = schema["type"]
    if isinstance(kind, list):
        return _union({**schema, "type": one} for one in kind)
    if kind in {"array", "object"}:
        return _array(schema) if kind == "array" else _object(schema)
    return "number" if kind == "integer" else str(kind)


_WRITERS: dict[str, Callable[[Schema], str]] = {
    "$ref": lambda schema: str(schema["$ref"]).removeprefix(PREFIX),
    "const": lambda schema: json.dumps(schema["const"], ensure_ascii=False),
    "enum": lambda schema: union(schema["enum"]),
    "anyOf": lambda schema: _union(schema["anyOf"]),
    "oneOf": lambda schema: _union(schema["oneOf"]),
    "type": _primitive,
}
"""By the keyword that decides, the most telling first."""


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


def _sendable(schema: Any) -> str:
    """Write a query parameter's type; a moment may also be given as a `Date`."""
    kind = type_of(schema)
    return f"{kind} | Date" if isinstance(schema, dict) and schema.get("format") == "date-time" else kind


def _fact(schema: Schema) -> str:
    """What the type alone does not say: the format of a text, the limits of a number."""
    options = [schema, *(option for option in schema.get("anyOf", []) if isinstance(option, dict))]
    for option in options:
        if option.get("type") == "string" and (option.get("format") or option.get("contentEncoding")):
            return f"Format: {option.get('format') or option['contentEncoding']}"
    return ""


def _members_by_name(schema: Schema) -> str:
    """What a union of numbers loses: the names of an enum's members."""
    if schema.get("type") != "integer" or "x-enum-varnames" not in schema:
        return ""
    named = zip(schema["x-enum-varnames"], schema["enum"], strict=True)
    return ", ".join(f"{name} is {value}" for name, value in named)


def _comment(text: str, indent: str, *, fact: str = "", deprecated: bool = False) -> Iterator[str]:
    lines = [line.rstrip() for line in text.strip().replace("*/", "*\\/").splitlines()]
    if fact:
        lines += [f"{fact}."]
    if deprecated:
        lines += ["@deprecated"]
    if len(lines) == 1:
        yield f"{indent}/** {lines[0]} */"
    elif lines:
        yield f"{indent}/**"
        yield from (f"{indent} * {line}".rstrip() for line in lines)
        yield f"{indent} */"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name) else json.dumps(name)


def union(values: Iterable[object]) -> str:
    """Write a union of literals."""
    return " | ".join(json.dumps(value, ensure_ascii=False) for value in values) or "never"

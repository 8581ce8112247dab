"""Writes `schema.ts`: the types of the contract, and its routes and streams as tables.

Routes are grouped by method, so that the compiler finds a call by two keys; that keeps an editor fast with
hundreds of functions.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from runtime.bridge.openapi.schemas import Schema
from runtime.bridge.typescript.types import comment, declaration, key, sendable, type_of, union, union_of
from runtime.config import METHODS
from runtime.routing.annotations.form import MULTIPART

RESERVED = frozenset(
    """
    Routes Streams Everywhere Blob Date FormData abstract any asserts async await bigint boolean break
    case catch class const continue debugger declare default delete do else enum export extends
    false finally for function global globalThis if implements import in infer instanceof interface
    intrinsic is keyof let module namespace never new null number object of out override package
    private protected public readonly require return satisfies static super switch symbol string
    this throw true try type typeof undefined unique unknown using var void while with yield
    """.split()  # noqa: SIM905  a list with a quote around each takes a page
)
"""Names that an interface cannot have: those of `schema.ts` itself and of TypeScript."""

HEADER = "/** Written by `annex client` from the functions' signatures; do not edit. */\n"


type Components = dict[str, Schema]


class Entry(NamedTuple):
    """One operation of the contract."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def is_stream(self) -> bool:
        """Whether it responds with events."""
        answers = self.operation["responses"].values()
        return any("text/event-stream" in answer.get("content", {}) for answer in answers)


def emit(document: dict[str, Any]) -> str:
    """Write `schema.ts`; a pure function of the document."""
    components: Components = document["components"]["schemas"]
    entries = list(_entries(document))
    calls = [entry for entry in entries if not entry.is_stream]
    streams = [entry for entry in entries if entry.is_stream]
    everywhere = union(document["x-error-codes"])
    return "\n".join(
        [
            HEADER,
            *(declaration(name, schema) for name, schema in components.items()),
            f"/** Error codes that every route can return. */\nexport type Everywhere = {everywhere};\n",
            _table("Routes", "Inputs and response of each path, by method.", calls, components),
            _table("Streams", "Event streams, by method.", streams, components),
        ]
    )


def _entries(document: dict[str, Any]) -> Iterator[Entry]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if (
                method in item and {"webhook": []} not in item[method]["security"]
            ):  # only the sender calls those
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
    yield from comment(text, "    ", deprecated=operation.get("deprecated", False))
    yield f"    {json.dumps(_template(entry.path, operation))}: {{"
    for place, field in _PLACES.items():
        parameters = [one for one in operation.get("parameters", []) if one["in"] == place]
        if parameters:
            absent = "" if any(one.get("required") for one in parameters) else "?"
            yield f"      {field}{absent}: {{"
            for one in parameters:
                yield from comment(one.get("description", ""), "        ")
                mark = "" if one.get("required") else "?"
                kind = type_of(one["schema"]) if place == "path" else sendable(one["schema"])
                kind += " | undefined" if mark else ""
                yield f"        {key(one['name'])}{mark}: {kind};"
            yield "      };"
    if "requestBody" in operation:
        absent = "" if operation["requestBody"].get("required") else "?"
        yield f"      {_body_field(operation['requestBody'])}{absent}: {_body(operation['requestBody'])};"
    if "x-idempotent" in operation:
        yield "      /** The same key gets the first answer again; with one, the call is retried. */"
        yield "      idempotencyKey?: string | undefined;"
    yield from _answer(operation, components)
    if not operation["security"]:
        yield "      open: true;"
    yield f"      errors: {' | '.join(['Everywhere', *map(json.dumps, operation.get('x-error-codes', []))])};"
    yield "    };"


def _template(path: str, operation: dict[str, Any]) -> str:
    for one in operation.get("parameters", []):
        if one.get("x-catch-all"):
            path = path.replace(f"{{{one['name']}}}", f"{{...{one['name']}}}")
    return path


_PLACES = {"path": "path", "query": "query", "header": "headers"}
"""What each place of a parameter is called in a call. A browser sends its cookies by itself."""


def _body_field(body: dict[str, Any]) -> str:
    return "form" if _is_struct(body["content"].get(MULTIPART)) else "body"


def _is_struct(content: dict[str, Any] | None) -> bool:
    return content is not None and "additionalProperties" not in content["schema"]


def _body(body: dict[str, Any]) -> str:
    content = body["content"]
    if MULTIPART not in content:
        return " | ".join(sorted({type_of(each["schema"]) for each in content.values()}))
    struct = content[MULTIPART] if _is_struct(content[MULTIPART]) else None
    return f"{type_of(struct['schema'])} | FormData" if struct else "FormData"


def _events(schema: Schema, components: Components) -> str:
    """Write the union of a stream's events without `error`, which the client throws."""
    return union_of(option for option in schema["anyOf"] if not _is_failure(option, components))


def _is_failure(schema: Schema, components: Components) -> bool:
    resolved = components.get(type_of(schema), schema)
    return bool(resolved.get("properties", {}).get("type", {}).get("enum") == ["error"])


def _answer(operation: dict[str, Any], components: Components) -> Iterator[str]:
    responses = operation["responses"]
    content = next(
        (one.get("content", {}) for status, one in responses.items() if status.startswith("2")), None
    )
    if content is not None and "text/event-stream" in content:
        yield f"      events: {_events(content['text/event-stream']['schema'], components)};"
    elif content is not None:
        ((media, described),) = content.items() or [("", {})]
        yield f"      {_body_of(media, described.get('schema', {}))};"
    if "303" in responses or (content and "*/*" in content):  # a response of its own may redirect too
        yield "      redirects: true;"


def _body_of(media: str, schema: Schema) -> str:
    """Write what a call of this media type gives: a value, or a content to be read as text or as a file."""
    if media in {"", "*/*"}:
        return f"response: {'unknown' if media else 'undefined'}"
    if media.startswith("application/json"):
        return f"response: {type_of(schema)}"
    return f'content: "{"binary" if schema.get("format") == "binary" else "text"}"'

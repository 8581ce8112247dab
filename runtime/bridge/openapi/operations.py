"""One operation of the contract: its name, parameters, body, responses and the errors it can have."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, get_origin

import msgspec
from litestar import Response
from msgspec import NODEFAULT

from runtime.answers import Redirect
from runtime.answers.content import is_textual
from runtime.bridge.openapi import docstrings, schemas
from runtime.bridge.openapi.error_codes import codes_of, said_by
from runtime.bridge.openapi.schemas import Schema
from runtime.config import Endpoint
from runtime.http.problems import MEDIA_TYPE
from runtime.routing import Input, InputKind, Operation
from runtime.routing.annotations.form import MULTIPART, URLENCODED, needs_files

JSON = "application/json"

_FILES = {
    "type": "object",
    "additionalProperties": schemas.FILE,
}

_PROBLEM = "The error as a problem document (RFC 9457); branch on `code`."

_BRACKETS = str.maketrans("{}", "[]")


class DescribedOperation(NamedTuple):
    """One operation with the schemas of its inputs and response."""

    operation: Operation
    inputs: dict[str, Schema]
    answer: Schema | None


def file_of(endpoint: Endpoint) -> str:
    """Return the endpoint's file; for one of the service's own, the file that would serve its URL."""
    if endpoint.file.endswith(".py"):
        return endpoint.file
    return f"{endpoint.template.strip('/').translate(_BRACKETS)}.py"


def operation_id(file: str, method: str) -> str:
    """Name an operation after its file: `orders/[id].py` and GET are `orders.$id.get`."""
    names = _spelled(file)
    if len(names) > 1 and names[-1] == "index":
        names.pop()
    return ".".join([*names, method.lower()])


def _spelled(file: str) -> list[str]:
    names = [part for part in file.removesuffix(".py").split("/") if not re.fullmatch(r"\(.*\)", part)]
    return [re.sub(r"\[(\.\.\.)?(\w+)\]", r"$\2", name) for name in names]


def tag_of(file: str) -> str:
    """Return the tag of an operation without one of its own: the first folder of its file, or the file."""
    return _spelled(file)[0]


def answer_type(operation: Operation) -> Any:
    """Return the type of what the operation answers, or of its events; None for nothing that is known."""
    if operation.event is not None:
        return operation.event
    return operation.returns if operation.has_json else None


def _is_raw(operation: Operation) -> bool:
    """Whether the function builds the response itself, so that nothing is known about it."""
    origin = get_origin(operation.returns) or operation.returns
    return isinstance(origin, type) and issubclass(origin, Response)


def entry_of(described: DescribedOperation) -> dict[str, Any]:
    """Return the OpenAPI operation object."""
    operation = described.operation
    endpoint, policy = operation.endpoint, operation.endpoint.policy
    doc = docstrings.read(operation.doc)
    entry: dict[str, Any] = {
        "operationId": operation_id(file_of(endpoint), endpoint.method),
        "summary": policy.summary or doc.summary,
        "description": doc.description,
        "tags": list(policy.tags) or [tag_of(file_of(endpoint))],
        "deprecated": policy.deprecated,
        "security": _security(operation),
        "parameters": list(_parameters(described, doc.names)),
        "requestBody": _body(described),
        "responses": _responses(described),
        "x-error-codes": said_by(operation),
        "x-file": endpoint.file,
        "x-idempotent": None if endpoint.method == "GET" else policy.idempotent,
        "x-requires": {
            key: getattr(policy, key)
            for key in ("org", "role", "permission", "feature", "plan")
            if getattr(policy, key)
        },
    }
    keep = ("operationId", "responses", "security", "x-error-codes", "x-file")
    return {key: value for key, value in entry.items() if value or key in keep}


def job_of(described: DescribedOperation) -> dict[str, Any]:
    """Return what is queued for a job and what comes of it, in the form of an operation."""
    kept = ("summary", "parameters", "requestBody", "responses", "security", "x-error-codes", "x-file")
    entry = {key: value for key, value in entry_of(described).items() if key in kept}
    success = {status: one for status, one in entry["responses"].items() if status.startswith("2")}
    return {**entry, "responses": success, "security": [], "x-error-codes": []}


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    policy = operation.endpoint.policy
    if policy.webhook:
        return [{"webhook": []}]
    return [] if policy.public else [{"session": []}]


def _parameters(described: DescribedOperation, arguments: dict[str, str]) -> Iterator[dict[str, Any]]:
    for one in described.operation.inputs:
        if not one.kind.is_parameter:
            continue
        schema = _without_null(described.inputs[one.name])
        required = one.kind is InputKind.PATH or not _has_default(one)
        if not required and one.default is not None:
            schema = {**schema, "default": msgspec.to_builtins(one.default)}
        entry: dict[str, Any] = {
            "name": one.field,
            "in": one.kind.location,
            "required": required,
            "description": schema.pop("description", "") or arguments.get(one.name, ""),
            "schema": schema,
        }
        if not entry["description"]:
            del entry["description"]
        if one.kind is InputKind.PATH and _is_catch_all(described.operation, one.name):
            entry["x-catch-all"] = True
        yield entry


def _has_default(one: Input) -> bool:
    return one.default is not NODEFAULT


def _without_null(schema: Schema) -> Schema:
    """A query string cannot contain null: `str | None` is an optional string."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if not options:
        return dict(schema)
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **options[0]} if len(options) == 1 else {**rest, "anyOf": options}


def _is_catch_all(operation: Operation, name: str) -> bool:
    return f"[...{name}]" in operation.endpoint.file


def _body(described: DescribedOperation) -> dict[str, Any] | None:
    for one in described.operation.inputs:
        if one.kind.location != "body":
            continue
        content = {media: {"schema": schema} for media, schema in _contents(one, described)}
        return {"required": not _has_default(one), "content": content}
    return None


def _contents(one: Input, described: DescribedOperation) -> Iterator[tuple[str, Schema]]:
    match one.kind:
        case InputKind.UPLOAD:
            yield MULTIPART, _FILES
        case InputKind.FORM:
            schema = _without_null(described.inputs[one.name])
            yield MULTIPART, schema
            if not needs_files(one.annotation):
                yield URLENCODED, schema
        case _:
            yield JSON, described.inputs[one.name]


def _responses(described: DescribedOperation) -> dict[str, Any]:
    operation = described.operation
    problem = {"default": _problem(codes_of(operation))}
    redirect = {"303": _REDIRECT} if operation.redirects else {}
    if operation.returns is Redirect:
        return redirect | problem
    is_empty = operation.returns in {None, type(None)}
    status = operation.endpoint.policy.status or (204 if is_empty else 200)
    if _is_raw(operation):
        success: dict[str, Any] = {
            "description": "The response that the function builds.",
            "content": {"*/*": {"schema": {}}},
        }
    elif operation.content is not None:
        success = _content(operation.content.media)
    elif described.answer is None:
        success = {"description": "Success without content."}
    elif operation.event is not None:
        success = {
            "description": "A stream of events, ended by `done` or `error`.",
            "content": {"text/event-stream": {"schema": _with_terminals(described.answer, operation.event)}},
        }
    else:
        success = {"description": "The response.", "content": {JSON: {"schema": described.answer}}}
    return {str(status): success} | redirect | problem


def _content(media: str) -> dict[str, Any]:
    if media.partition(";")[0].strip() == JSON:
        return {"description": "The response.", "content": {media: {"schema": {}}}}
    schema = {"type": "string"} if is_textual(media) else {"type": "string", "format": "binary"}
    return {"description": "The content.", "content": {media: {"schema": schema}}}


def _problem(codes: list[str]) -> dict[str, Any]:
    schema = {"allOf": [{"$ref": f"{schemas.PREFIX}Problem"}, {"properties": {"code": {"enum": codes}}}]}
    return {"description": _PROBLEM, "content": {MEDIA_TYPE: {"schema": schema}}}


def _with_terminals(schema: Schema, event: Any) -> Schema:
    """Add the terminal events that the runtime sends unless the function defines its own."""
    tags = {kind.__struct_config__.tag for kind in schemas.named_types([event]) if _is_struct(kind)}
    options = schema.get("anyOf", [schema])
    return {"anyOf": [*options, *(one for tag, one in _TERMINALS.items() if tag not in tags)]}


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


_REDIRECT = {
    "description": "The answer is at another URL.",
    "headers": {"Location": {"required": True, "schema": {"type": "string", "format": "uri-reference"}}},
}

_TERMINALS: dict[str, Schema] = {
    "done": {"type": "object", "properties": {"type": {"enum": ["done"]}}, "required": ["type"]},
    "error": {
        "type": "object",
        "properties": {
            "type": {"enum": ["error"]},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "request_id": {"type": "string"},
        },
        "required": ["type", "code", "detail", "request_id"],
    },
}

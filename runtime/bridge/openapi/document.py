"""Writes the contract: OpenAPI 3.1 from the route table, the same bytes in every process.

Litestar's generator is not used: it describes errors in a format that is not sent, describes streams as JSON,
and names components after their modules.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from runtime.bridge.openapi import schemas
from runtime.bridge.openapi.error_codes import ALWAYS
from runtime.bridge.openapi.operations import DescribedOperation, answer_type, entry_of, job_of
from runtime.bridge.openapi.schemas import Schema
from runtime.bridge.openapi.wording import reworded
from runtime.config import JOB
from runtime.distribution import version
from runtime.http.problems import Problem
from runtime.routing import Operation
from shared.errors import FieldError


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Describe the operations; a pure function of them.

    Jobs have no path: what is queued for each, and what comes of it, stands under `x-jobs`.
    """
    ordered = sorted(operations, key=lambda one: (one.endpoint.template, one.endpoint.method))
    sent = [(one, place) for one in ordered for place in one.inputs if place.kind.is_described]
    answered = [(one, answer_type(one)) for one in ordered if answer_type(one) is not None]
    built = schemas.build(
        (place.annotation for _, place in sent),
        [*(kind for _, kind in answered), Problem, FieldError],
        {one.function.__module__: one.known_types for one in ordered},
    )
    taken: dict[int, dict[str, Schema]] = {id(one): {} for one in ordered}
    for (one, place), schema in zip(sent, built.sent, strict=True):
        taken[id(one)][place.name] = schema
    answers = {id(one): schema for (one, _), schema in zip(answered, built.answered, strict=False)}
    paths: dict[str, dict[str, Any]] = {}
    jobs: dict[str, dict[str, Any]] = {}
    for one in ordered:
        template = one.endpoint.template
        described = DescribedOperation(one, taken[id(one)], answers.get(id(one)))
        if one.endpoint.method == JOB.upper():
            jobs[template] = job_of(described)
        else:
            paths.setdefault(template, {})[one.endpoint.method.lower()] = entry_of(described)
    contract: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Annex", "version": version(), "description": _ABOUT},
        "servers": [{"url": "/", "description": "The service that this document comes from."}],
        "tags": [{"name": name} for name in _tags(paths)],
        "x-error-codes": sorted(ALWAYS),
        "paths": paths,
        **({"x-jobs": jobs} if jobs else {}),
        "components": {
            "schemas": built.components,
            "securitySchemes": _SECURITY,
        },
    }
    return reworded(contract)


def _tags(paths: dict[str, dict[str, Any]]) -> list[str]:
    return sorted(
        {tag for item in paths.values() for operation in item.values() for tag in operation["tags"]}
    )


def encode(contract: dict[str, Any]) -> bytes:
    """Encode the document as it is committed and served: indented, in a fixed order, with a final newline."""
    return msgspec.json.format(msgspec.json.encode(contract), indent=2) + b"\n"


_ABOUT = "The functions of this service. Errors are problem documents (RFC 9457): branch on `code`."

_SECURITY = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Clerk session token.",
    },
    "webhook": {
        "type": "apiKey",
        "in": "header",
        "name": "svix-signature",
        "description": "A signed webhook delivery; no session.",
    },
}

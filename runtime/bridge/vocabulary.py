"""The words both sides speak: error codes, constants, permissions. Python says them, the rest follows."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from runtime.bridge import docstrings, openapi
from runtime.config import Policy
from runtime.http.problems import status_of
from runtime.routing import Operation
from runtime.routing.calling.streams import HEARTBEAT
from shared import errors
from shared.errors import AnnexError

RETRYABLE = (429, 503, 504)
"""Statuses after which the same call can succeed later, unchanged."""


class Vocabulary(NamedTuple):
    """What `contracts/` holds beside the contract itself.

    Attributes:
        errors: by code: status, whether trying again makes sense, meaning.
        constants: headers, limits, and each enum of the contract by its name.
        permissions: what functions ask for, sorted.
    """

    errors: dict[str, dict[str, Any]]
    constants: dict[str, Any]
    permissions: list[str]


def vocabulary(operations: Iterable[Operation], contract: dict[str, Any] | None = None) -> Vocabulary:
    """Collect the words of these operations, and of their contract where that is at hand."""
    operations = tuple(operations)
    contract = contract or openapi.document(operations)
    asked = {one.endpoint.policy.permission for one in operations}
    return Vocabulary(error_codes(), _constants(contract), sorted(filter(None, asked)))


def error_codes() -> dict[str, dict[str, Any]]:
    """Return every code with its status, whether trying again makes sense, and when it is answered."""
    codes = {}
    for error in _kinds(AnnexError):
        status = status_of(error)
        codes[error.code] = {
            "status": status,
            "retryable": status in RETRYABLE,
            "meaning": docstrings.read(error.__doc__).summary,
        }
    return dict(sorted(codes.items()))


def typescript(words: Vocabulary) -> str:
    """Write `client/vocabulary.ts`: tables `as const`, and the unions that follow from them."""
    lines = ["/** Written by `annex client`; changes made here are lost. */", ""]
    lines += ["/** Every code an error answer can carry. */", "export const errorCodes = {"]
    for code, facts in words.errors.items():
        retryable = json.dumps(facts["retryable"])
        lines.append(f"  /** {facts['meaning']} */")
        lines.append(f"  {code}: {{ status: {facts['status']}, retryable: {retryable} }},")
    lines += ["} as const;", "export type ErrorCode = keyof typeof errorCodes;", ""]
    lines += ["/** Permissions that functions ask for. */"]
    lines += [f"export const permissions = {json.dumps(words.permissions)} as const;"]
    lines += ["export type Permission = (typeof permissions)[number];", ""]
    lines += ["/** What both sides must agree on: header names, limits, the members of each enum by name. */"]
    lines += [
        f"export const constants = {json.dumps(words.constants, indent=2, ensure_ascii=False)} as const;"
    ]
    return "\n".join([*lines, ""])


def _constants(contract: dict[str, Any]) -> dict[str, Any]:
    enums = {
        name: dict(zip(schema["x-enum-varnames"], schema["enum"], strict=True))
        for name, schema in contract["components"]["schemas"].items()
        if "x-enum-varnames" in schema
    }
    return {
        "headers": {
            "requestId": "X-Request-Id",
            "lastEventId": "Last-Event-ID",
        },
        "limits": {
            "bodyBytes": Policy().max_body,
            "timeoutSeconds": Policy().timeout,
            "heartbeatSeconds": HEARTBEAT,
        },
        "enums": dict(sorted(enums.items())),
    }


def _kinds(kind: type[AnnexError]) -> Iterator[type[AnnexError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _kinds(child)

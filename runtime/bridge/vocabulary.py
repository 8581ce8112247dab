"""Error codes, constants and permissions that both sides share, generated from Python."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from runtime.bridge import openapi
from runtime.bridge.openapi import docstrings
from runtime.config import Policy
from runtime.http.problems import status_of
from runtime.routing import Operation
from runtime.routing.calling.answers.streams import HEARTBEAT, MAX_EVENT
from shared import errors
from shared.errors import AnnexError, IdempotencyInProgress, OutcomeUnknown

RETRYABLE = (429, 503, 504)
"""Status codes after which the same call can succeed later."""


class Vocabulary(NamedTuple):
    """The content of `contracts/` beside the contract itself.

    Attributes:
        errors: by code: status, all statuses where it has two, whether a retry makes sense, meaning.
        constants: headers, limits, and the enums of the contract by name.
        permissions: those that functions require, sorted.
    """

    errors: dict[str, dict[str, Any]]
    constants: dict[str, Any]
    permissions: list[str]


def vocabulary(operations: Iterable[Operation], contract: dict[str, Any] | None = None) -> Vocabulary:
    """Collect the vocabulary of these operations; `contract` saves describing them again."""
    operations = tuple(operations)
    contract = contract or openapi.document(operations)
    asked = {one.endpoint.policy.permission for one in operations}
    return Vocabulary(error_codes(), _constants(contract), sorted(filter(None, asked)))


def error_codes() -> dict[str, dict[str, Any]]:
    """Return every code with its statuses, whether a retry makes sense, and its meaning.

    A code means one thing for the caller. Where it has two statuses, `status` is the one of the service's
    own failure, and the meaning is told for each.
    """
    codes: dict[str, list[type[AnnexError]]] = {}
    for error in _kinds(AnnexError):
        codes.setdefault(error.code, []).append(error)
    return {code: _facts(sorted(kinds, key=status_of)) for code, kinds in sorted(codes.items())}


def _facts(kinds: list[type[AnnexError]]) -> dict[str, Any]:
    statuses = [status_of(kind) for kind in kinds]
    meanings = [docstrings.read(kind.__doc__).summary for kind in kinds]
    if len(kinds) > 1:
        meanings = [f"{status}: {meaning}" for status, meaning in zip(statuses, meanings, strict=True)]
    return {
        "status": statuses[-1],
        "statuses": statuses,
        "retryable": all(_is_retryable(kind) for kind in kinds),
        "meaning": " ".join(meanings),
    }


def _is_retryable(error: type[AnnexError]) -> bool:
    return error is IdempotencyInProgress or (status_of(error) in RETRYABLE and error is not OutcomeUnknown)


def typescript(words: Vocabulary) -> str:
    """Write `client/vocabulary.ts`: tables `as const` and their unions."""
    lines = ["/** Written by `annex client`; do not edit. */", ""]
    lines += ["/** Every code of an error response. */", "export const errorCodes = {"]
    for code, facts in words.errors.items():
        lines.append(f"  /** {facts['meaning']} */")
        shown = ", ".join(
            f"{name}: {json.dumps(facts[name])}" for name in ("status", "statuses", "retryable")
        )
        lines.append(f"  {code}: {{ {shown} }},")
    lines += ["} as const;", "export type ErrorCode = keyof typeof errorCodes;", ""]
    lines += ["/** Permissions that functions require. */"]
    lines += [f"export const permissions = {json.dumps(words.permissions)} as const;"]
    lines += ["export type Permission = (typeof permissions)[number];", ""]
    lines += ["/** Header names, limits and the members of each enum by name, as on the backend. */"]
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
            "eventBytes": MAX_EVENT,
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

"""The words both sides speak: error codes, constants, permissions. Python says them, the rest follows."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from runtime.bridge import docstrings
from runtime.http.problems import status_of
from shared import errors
from shared.errors import AnnexError

RETRYABLE = (429, 503, 504)
"""Statuses after which the same call can succeed later, unchanged."""


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


def typescript(
    codes: dict[str, dict[str, Any]], constants: dict[str, Any], permissions: Iterable[str]
) -> str:
    """Write `client/vocabulary.ts`: tables `as const`, and the unions that follow from them."""
    lines = ["/** Written by `annex client`; changes made here are lost. */", ""]
    lines += ["/** Every code an error answer can carry. */", "export const errorCodes = {"]
    for code, facts in codes.items():
        lines.append(f"  /** {facts['meaning']} */")
        lines.append(
            f"  {code}: {{ status: {facts['status']}, retryable: {json.dumps(facts['retryable'])} }},"
        )
    lines += ["} as const;", "export type ErrorCode = keyof typeof errorCodes;", ""]
    lines += ["/** Permissions that functions ask for. */"]
    lines += [f"export const permissions = {json.dumps(sorted(permissions))} as const;"]
    lines += ["export type Permission = (typeof permissions)[number];", ""]
    lines += [f"export const constants = {json.dumps(constants, indent=2, ensure_ascii=False)} as const;", ""]
    return "\n".join(lines)


def _kinds(kind: type[AnnexError]) -> Iterator[type[AnnexError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _kinds(child)

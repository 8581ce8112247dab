"""The error codes that an operation can return: from its policy, its inputs and its code.

The compiled code is searched for error classes that the handler, or a function that it calls by name,
mentions. This is an estimate: an error raised by a method is missed, so a handler can add codes in the
`Raises:` section of its docstring.
"""

from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from runtime.bridge.openapi import docstrings
from runtime.routing import InputKind, Operation
from shared import errors
from shared.errors import AnnexError

ALWAYS = frozenset({
    errors.Malformed.code,
    errors.UriTooLong.code,
    errors.HeadersTooLarge.code,
    errors.Internal.code,
    errors.Unavailable.code,
    errors.FunctionUnavailable.code,
    errors.Overloaded.code,
    errors.ShuttingDown.code,
    errors.DeadlineExceeded.code,
    errors.FunctionStalled.code,
})  # fmt: skip
"""Every route can return these."""

FOLLOWED = ("shared",)
"""Packages into which the search follows calls; other packages' errors become `internal_error`."""


def codes_of(operation: Operation) -> list[str]:
    """Return the sorted codes."""
    codes = {
        *ALWAYS,
        *_from_policy(operation),
        *_from_inputs(operation),
        *_from_docstring(operation.doc),
    }
    codes.update(error.code for error in _named_errors(operation.function))
    return sorted(codes)


def _from_policy(operation: Operation) -> Iterator[str]:
    policy = operation.endpoint.policy
    if not policy.public:
        yield errors.Unauthenticated.code
        yield errors.Forbidden.code
        yield errors.KeysUnavailable.code
    if policy.idempotent and operation.endpoint.method != "GET":
        yield errors.IdempotencyInProgress.code
        yield errors.IdempotencyKeyReused.code
        yield errors.CallLost.code
    if operation.content is not None and operation.endpoint.method == "GET":
        yield errors.RangeNotSatisfiable.code
    if policy.rate_limit is not None:
        yield errors.RateLimited.code
    if policy.isolate:
        yield errors.OutOfMemory.code
        yield errors.FunctionCrashed.code


def _from_inputs(operation: Operation) -> Iterator[str]:
    kinds = {one.kind for one in operation.inputs}
    locations = {kind.location for kind in kinds}
    if locations - {None}:
        yield errors.Invalid.code
    if "path" in locations:
        yield errors.NotFound.code
    if "body" in locations:
        yield errors.TooLarge.code
        yield errors.UnsupportedMediaType.code
    if InputKind.DATABASE in kinds:
        yield errors.DatabaseUnavailable.code
        if not operation.endpoint.policy.read_only:
            yield errors.OutcomeUnknown.code


def _from_docstring(doc: str | None) -> Iterator[str]:
    for name in docstrings.read(doc).raises:
        error = getattr(errors, name, None)
        if isinstance(error, type) and issubclass(error, AnnexError):
            yield error.code


def _named_errors(function: Any) -> set[type[AnnexError]]:
    found: set[type[AnnexError]] = set()
    seen: set[Any] = set()
    waiting = [function]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, FunctionType) or current in seen:
            continue
        seen.add(current)
        for value in _mentioned(current):
            if isinstance(value, type) and issubclass(value, AnnexError):
                found.add(value)
            elif isinstance(value, FunctionType) and _is_ours(value, function):
                waiting.append(value)
    return found


def _mentioned(function: FunctionType) -> Iterator[Any]:
    """Yield the module-level values that a function's code mentions, also as attributes of modules."""
    names = set(_names(function.__code__))
    scope = function.__globals__
    for name in names & scope.keys():
        value = scope[name]
        yield value
        if isinstance(value, ModuleType):
            yield from (getattr(value, other) for other in names if hasattr(value, other))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_ours(value: FunctionType, handler: Any) -> bool:
    return value.__module__ == handler.__module__ or value.__module__.split(".")[0] in FOLLOWED

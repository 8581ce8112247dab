"""The error codes that an operation can return: from its policy, its inputs and its code.

The compiled code is searched for error classes that the handler, or a function that it calls by name,
mentions. This is an estimate: an error raised by a method is missed, except of `Agents` and `Jobs`, whose
methods name theirs; a handler can add codes in the `Raises:` section of its docstring.
"""

from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from runtime.bridge.openapi import docstrings
from runtime.routing import InputKind, Operation
from shared import errors
from shared.agents import Conversation
from shared.errors import AnnexError
from shared.work import Jobs

ALWAYS = frozenset({
    errors.Invalid.code,  # of the `Request-Timeout` header
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

UNSAID = ALWAYS - {errors.Invalid.code}
"""What an operation does not list itself; it says whether its own input can be invalid."""

DEMANDS = ("org", "role", "permission", "feature", "plan", "reverification")
"""What a policy may ask of a caller beyond a session; without them nobody is forbidden."""

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
    reached = _reached(operation.function)
    codes.update(error.code for function in reached for error in _errors_in(function))
    for one in operation.inputs:
        if one.kind is InputKind.AGENTS:
            codes.update(_from_agents(operation, one.annotation, reached))
        if one.kind is InputKind.JOBS:
            codes.update(_from_methods(Jobs, reached))
    return sorted(codes)


def said_by(operation: Operation) -> list[str]:
    """Return those of the codes that the operation lists in the contract."""
    unsaid = ALWAYS if errors.Invalid.code not in _from_inputs(operation) else UNSAID
    return [code for code in codes_of(operation) if code not in unsaid]


def _from_policy(operation: Operation) -> Iterator[str]:
    policy = operation.endpoint.policy
    if policy.webhook:
        yield errors.Invalid.code  # the signature
        yield errors.Conflict.code  # a delivery that has been received before
    elif not policy.public:
        yield errors.Unauthenticated.code
        yield errors.KeysUnavailable.code
        asks = any(getattr(policy, key) for key in DEMANDS)
        if asks or any(one.kind is InputKind.MEMBER for one in operation.inputs):
            yield errors.Forbidden.code
    if policy.idempotent and operation.endpoint.method != "GET":
        yield errors.IdempotencyInProgress.code
        yield errors.IdempotencyKeyReused.code
        yield errors.CallLost.code
    if operation.content is not None and operation.endpoint.method == "GET":
        yield errors.RangeNotSatisfiable.code
        yield errors.PreconditionFailed.code
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
    # Any text is a `str`; a segment that is not of another type is no route.
    if any(one.kind is InputKind.PATH and one.annotation is not str for one in operation.inputs):
        yield errors.NotFound.code
    if "body" in locations:
        yield errors.RequestTimeout.code
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


def _from_methods(owner: type[Any], reached: Iterable[FunctionType]) -> Iterator[str]:
    """Yield the codes of the owner's methods that some function mentions."""
    names = {name for function in reached for name in _names(function.__code__)}
    for name in names & vars(owner).keys():
        yield from _from_docstring(getattr(owner, name).__doc__)


def _from_agents(operation: Operation, owner: type[Any], reached: set[FunctionType]) -> set[str]:
    """Return the codes of the agents' methods; a continuation is used twice only where callers send one."""
    codes = {*_from_methods(owner, reached)}
    is_sent = any(one.annotation is Conversation for one in operation.inputs)
    if is_sent or any(_says(function.__code__, "continuation") for function in reached):
        return codes
    return codes - {errors.Conflict.code}


def _reached(handler: Any) -> set[FunctionType]:
    """Return the handler and the functions that it calls by name, at any depth."""
    seen: set[FunctionType] = set()
    waiting = [handler]
    while waiting:
        current = waiting.pop()
        if isinstance(current, FunctionType) and current not in seen:
            seen.add(current)
            waiting += [value for value in _mentioned(current) if _is_ours(value, handler)]
    return seen


def _errors_in(function: FunctionType) -> Iterator[type[AnnexError]]:
    for value in _mentioned(function):
        if isinstance(value, type) and issubclass(value, AnnexError):
            yield value


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


def _says(code: CodeType, name: str) -> bool:
    """Return whether a name stands in the code, also as that of an argument."""
    arguments = (constant for constant in code.co_consts if isinstance(constant, tuple))
    nested = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return (
        name in code.co_names
        or any(name in each for each in arguments)
        or any(_says(each, name) for each in nested)
    )


def _is_ours(value: Any, handler: Any) -> bool:
    if not isinstance(value, FunctionType):
        return False
    return value.__module__ == handler.__module__ or value.__module__.split(".")[0] in FOLLOWED

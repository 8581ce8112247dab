"""Operations that the contract cannot describe are excluded one by one, so that the rest is described.

A default that JSON cannot represent or a lone surrogate in a docstring would make the whole document fail,
although the function serves. A type named `string` would break the client.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from runtime.bridge import artefacts, openapi, shapes
from runtime.bridge.openapi import naming
from runtime.bridge.openapi.schemas import named_types
from runtime.bridge.typescript import RESERVED
from runtime.routing import Fault, Operation
from runtime.routing.importing.guard import Guard

RESERVED_NAMES = frozenset({"FieldError", "Problem"})
BUDGET = 60.0  # seconds to describe all operations


def divide(operations: Iterable[Operation]) -> tuple[list[Operation], list[Fault]]:
    """Return the operations that the contract can describe, and a fault for each of the others."""
    everything = list(operations)
    # Types, defaults and docstrings belong to the function files and can run any code when they are read.
    guard = Guard(Path(), BUDGET)
    if _failure(guard, everything) is None:
        return everything, []
    failures = [_failure(guard, [each]) for each in everything]
    faults = [_fault(guard, each, why) for each, why in zip(everything, failures, strict=True) if why]
    return [each for each, why in zip(everything, failures, strict=True) if why is None], sorted(faults)


def _failure(guard: Guard, operations: list[Operation]) -> Fault | None:
    return guard.run("", "Describing it", partial(_describe, operations))


def _describe(operations: list[Operation]) -> None:
    shapes.faults(operations)
    contract = openapi.document(operations)
    artefacts.render(operations)
    names = contract["components"]["schemas"].keys()
    kinds = named_types(kind for each in operations for _, kind in shapes.crossing(each))
    if taken := RESERVED_NAMES & {naming.title(kind, {}) for kind in kinds}:
        raise ValueError(f"{', '.join(sorted(taken))} is reserved by the contract; rename the type")
    if taken := RESERVED & names:
        raise ValueError(f"{', '.join(sorted(taken))} is reserved in TypeScript; rename the type")


def _fault(guard: Guard, operation: Operation, why: Fault) -> Fault:
    line = guard.run("", "Finding the line", lambda: operation.line)
    return Fault(
        file=operation.endpoint.file,
        line=line if isinstance(line, int) else 0,
        found=f"The contract cannot describe {operation.endpoint.method.lower()}: {why.found}",
        cure="Use names, types, defaults and text that TypeScript and JSON can represent.",
    )

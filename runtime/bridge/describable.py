"""Operations that the contract cannot hold: found one by one, so that each costs itself and not the document.

A default without a JSON form, an example that is an object, half a character in a docstring: the function
serves, and the document of all functions would fail over it. A type called `string` would break the client's.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from runtime.bridge import artefacts, naming, openapi, shapes
from runtime.bridge.schemas import named_types
from runtime.bridge.shapes import line_of
from runtime.bridge.typescript import RESERVED
from runtime.routing import Fault, Operation
from runtime.routing.importing.guard import Guard

OURS = frozenset({"FieldError", "Problem"})
BUDGET = 60.0  # seconds to describe everything


def divide(operations: Iterable[Operation]) -> tuple[list[Operation], list[Fault]]:
    """Return the operations that the contract can hold, and a fault for each of the others."""
    everything = list(operations)
    # Types, defaults and docstrings are objects of the files, and may do anything when they are looked at.
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
    if taken := OURS & {naming.title(kind, {}) for kind in kinds}:
        raise ValueError(f"{', '.join(sorted(taken))} is a name of the contract's own types")
    if taken := RESERVED & names:
        raise ValueError(f"{', '.join(sorted(taken))} cannot be the name of a type in TypeScript")


def _fault(guard: Guard, operation: Operation, why: Fault) -> Fault:
    line = guard.run("", "Finding the line", partial(line_of, operation))
    return Fault(
        file=operation.endpoint.file,
        line=line if isinstance(line, int) else 0,
        found=f"The contract cannot hold {operation.endpoint.method.lower()}: {why.found}",
        cure="Give it names, types, defaults and texts that TypeScript and JSON have.",
    )

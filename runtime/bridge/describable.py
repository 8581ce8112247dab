"""Operations that the contract cannot hold: found one by one, so that each costs itself and not the document.

A default without a JSON form, an example that is an object, half a character in a docstring: the function
serves, and the document of all functions would fail over it. A type called `string` would break the client's.
"""

import inspect
from collections.abc import Iterable

from runtime.bridge import openapi
from runtime.bridge.typescript import RESERVED
from runtime.routing import Fault, Operation
from runtime.routing.faults import told

OURS = frozenset({"FieldError", "Problem"})


def divide(operations: Iterable[Operation]) -> tuple[list[Operation], list[Fault]]:
    """Return the operations that the contract can hold, and a fault for each of the others."""
    everything = list(operations)
    if _failure(everything) is None:
        return everything, []
    faults = [_fault(each, failure) for each in everything if (failure := _failure([each]))]
    return [each for each in everything if _failure([each]) is None], sorted(faults)


def line_of(operation: Operation) -> int:
    """Return the line of the handler, 0 where what answers is no plain function."""
    code = getattr(inspect.unwrap(operation.function), "__code__", None)
    return code.co_firstlineno if code else 0


def _failure(operations: list[Operation]) -> Exception | None:
    try:
        contract = openapi.document(operations)
        openapi.encode(contract)
        names = contract["components"]["schemas"].keys()
        if OURS - names:
            return ValueError(f"{' and '.join(sorted(OURS))} are names of the contract's own types")
        if taken := RESERVED & names:
            return ValueError(f"{', '.join(sorted(taken))} cannot be the name of a type in TypeScript")
    except Exception as error:  # noqa: BLE001  # msgspec, and whatever a function's own objects raise
        return error
    return None


def _fault(operation: Operation, failure: Exception) -> Fault:
    return Fault(
        file=operation.endpoint.file,
        line=line_of(operation),
        found=f"The contract cannot hold {operation.endpoint.method.lower()}: {told(failure)}.",
        cure="Give it names, types, defaults and texts that TypeScript and JSON have.",
    )

"""A handler's signature: its inputs and its response, or everything that is wrong with them."""

import inspect
import typing
from typing import Any

import msgspec

from runtime.routing.operation import Input
from runtime.routing.reading.faults import Fault, one_line
from runtime.routing.signature.handler import Handler
from runtime.routing.signature.parameters import misspelt, read_parameter
from runtime.routing.signature.returns import Returned, misplaced_yield, read_return
from runtime.routing.signature.sources import repeated


class Signature(msgspec.Struct, frozen=True):
    """What one handler asks for and gives back, as in `Operation`."""

    inputs: tuple[Input, ...]
    returns: Any
    event: Any
    replies: bool
    redirects: bool


def read_signature(handler: Handler) -> tuple[Signature | None, list[Fault]]:
    """Judge one handler; the signature is None where there is any fault."""
    try:
        hints = typing.get_type_hints(handler.function, include_extras=True)
        parameters = inspect.signature(handler.function).parameters
    except NameError as error:
        cure = "Import it at the top of the file, not under TYPE_CHECKING: annotations are evaluated."
        return None, [
            handler.fault(f"{handler.method} has an annotation with an undefined name: {error}.", cure)
        ]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an annotation is code, and may raise anything
        found = f"The annotations of {handler.method} cannot be read: {one_line(error)}."
        return None, [handler.fault(found, "Correct the annotation.")]
    faults: list[Fault] = []
    inputs: list[Input] = []
    for name, parameter in parameters.items():
        judged = read_parameter(handler, name, parameter, hints)
        if isinstance(judged, Fault):
            faults.append(judged)
        else:
            inputs.append(judged)
    faults += [*misspelt(handler, inputs), *repeated(handler, inputs)]
    returned = Returned(None)
    if "return" not in hints:
        cure = "Add one, `-> None` if it returns nothing; it defines the response."
        faults.append(handler.fault(f"{handler.method} has no return annotation.", cure))
    else:
        returned, misfits = read_return(handler, hints["return"])
        faults += misfits or misplaced_yield(handler, is_stream=returned.event is not None)
    if faults:
        return None, faults
    return Signature(tuple(inputs), returned.value, returned.event, returned.replies, returned.redirects), []

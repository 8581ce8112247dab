"""What a `job` cannot take or give back: there is no request, and nobody waits for an answer."""

from typing import Any

import msgspec

from runtime.config import JOB
from runtime.routing.annotations.describe import bare
from runtime.routing.input_kind import InputKind
from runtime.routing.reading.faults import Fault
from runtime.routing.signature.handler import Handler
from shared.identity import User


def job_fault(  # noqa: PLR0911  # a table, read as one
    handler: Handler, name: str, kind: InputKind, annotation: Any
) -> Fault | None:
    """Return what keeps a parameter out of a job, or a Run out of other handlers; other rules may follow."""
    if handler.method != JOB:
        found = f"{handler.method}({name}) is a Run, which only a job has."
        return handler.fault(found, "Remove it.") if kind is InputKind.RUN else None
    match kind:
        case InputKind.QUERY:
            found = f"job({name}) would be read from a query string, which a job does not have."
            return handler.fault(found, "Make it a field of data, the struct that is queued.")
        case InputKind.UPLOAD:
            return handler.fault(
                "job(data) is an upload, which cannot be queued.", "Queue where it is stored."
            )
        case InputKind.HEADER | InputKind.COOKIE | InputKind.FORM:
            found = f"job({name}) comes from a {kind.value.name}, which a job does not have."
            return handler.fault(found, "Make it a field of data, the struct that is queued.")
        case InputKind.REQUEST:
            return handler.fault(f"job({name}) is a Request, which a job does not have.", "Remove it.")
        case InputKind.USER | InputKind.MEMBER if handler.policy.schedule and not _may_be_nobody(annotation):
            found = f"job({name}) must be a caller, but a schedule runs as nobody."
            return handler.fault(found, "Write User | None, or remove schedule.")
        case InputKind.BODY if handler.policy.schedule and not _takes_nothing(annotation):
            found = "job(data) needs fields, but a schedule sends none."
            return handler.fault(found, "Give every field of data a default, or remove schedule.")
        case _:
            return None


def _may_be_nobody(annotation: Any) -> bool:
    return bare(annotation) == {User, type(None)}


def _takes_nothing(annotation: Any) -> bool:
    try:
        msgspec.convert({}, annotation)
    except msgspec.ValidationError:
        return False
    except TypeError:  # which the ordinary rule for bodies names
        return True
    return True

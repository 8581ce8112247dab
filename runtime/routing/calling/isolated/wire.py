"""What a worker and the process of an isolated function say to each other.

The worker's orders are pickled, as they hold the caller and the settings. What comes back was made beside
code that may do anything, so it is decoded as data.
"""

import pickle
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from runtime.config import Endpoint
from runtime.routing.calling.isolated.frames import framed
from runtime.routing.reading.names import Segment
from runtime.settings import Settings
from shared.identity import User

OUT_OF_MEMORY = 77  # status of a process that ended itself because it had no memory left


class IsolatedFunction(Struct, frozen=True):
    """What a process is to run.

    Attributes:
        endpoint: with its policy.
        segments: its URL.
        text: of its file, as the worker has imported it.
    """

    endpoint: Endpoint
    segments: tuple[Segment, ...]
    text: bytes


class Beginning(Struct, frozen=True):
    """The first order: what the process needs before any call.

    Attributes:
        settings: of the service.
        root: the functions folder.
        path: where the worker imports from.
        function: what to run.
    """

    settings: Settings
    root: Path
    path: tuple[str, ...]
    function: IsolatedFunction


class CallOrder(Struct, frozen=True):
    """One request that router and gate have let through.

    Attributes:
        scope: the plain members of the ASGI scope.
        body: the whole of it.
        request_id: of the invocation, like the next three.
        client: the caller's address.
        method: as sent, HEAD included.
        user: the verified caller.
        seconds: until the deadline.
        trace: trace id, span id, flags and state of the worker's span.
    """

    scope: dict[str, Any]
    body: bytes
    request_id: str
    client: str
    method: str
    user: User | None
    seconds: float
    trace: tuple[int, int, int, tuple[tuple[str, str], ...]]


class CancelOrder(Struct, frozen=True):
    """Cancel the call."""


class DrainOrder(Struct, frozen=True):
    """The service stops: a stream is to end."""


type WorkerOrder = Beginning | CallOrder | CancelOrder | DrainOrder


class BodyPiece(Struct, frozen=True, tag=True, array_like=True):
    """A piece of the response's body, the first one with its head.

    Attributes:
        status: 0 in all but the first.
        headers: likewise empty.
        body: bytes.
        more: another piece follows.
        is_public: the response depends on no caller.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    more: bool
    is_public: bool


class CallOver(Struct, frozen=True, tag=True, array_like=True):
    """The call has ended, and the process can take the next one.

    Attributes:
        error: of the invocation.
        is_cut: the response has begun and cannot be completed.
    """

    error: str
    is_cut: bool


class NotLoaded(Struct, frozen=True, tag=True, array_like=True):
    """The file cannot be run in this process; the log has the fault under this id."""

    error_id: str


type ProcessReport = BodyPiece | CallOver | NotLoaded
_DECODE = msgspec.msgpack.Decoder(ProcessReport).decode
_ENCODE = msgspec.msgpack.Encoder().encode


def order_bytes(order: WorkerOrder) -> bytes:
    """Return what the worker writes."""
    return framed(pickle.dumps(order, pickle.HIGHEST_PROTOCOL))


def report_bytes(report: ProcessReport) -> bytes:
    """Return what the process writes."""
    return framed(_ENCODE(report))


def order_of(message: bytes) -> WorkerOrder:
    """Return what the worker has written."""
    order: WorkerOrder = pickle.loads(message)  # noqa: S301  # the worker's own
    return order


def report_of(message: bytes) -> ProcessReport | None:
    """Return what the process has written; None where it is no report."""
    try:
        report: ProcessReport = _DECODE(message)
    except msgspec.MsgspecError:
        return None
    return report

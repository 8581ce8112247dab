"""What a worker and the process of an isolated function say to each other.

All of it is data in msgpack, in a third of the time that pickle takes; settings and the caller, which only
the worker sends, are pickled. What comes back was made beside code that may do anything.
"""

import pickle
from pathlib import Path
from typing import Any, TypedDict

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


class PlainScope(TypedDict, total=False):
    """The members of an ASGI scope that are data."""

    type: str
    asgi: dict[str, str]
    http_version: str
    method: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: list[tuple[bytes, bytes]]
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    path_params: dict[str, Any]


class CallOrder(Struct, frozen=True, tag=True, array_like=True):
    """One request that router and gate have let through.

    Attributes:
        scope: of the request.
        body: the whole of it.
        request_id: of the invocation, like the next three.
        client: the caller's address.
        method: as sent, HEAD included.
        user: the verified caller, pickled; empty where there is none.
        seconds: until the deadline.
        trace: trace id and span id (16 and 8 bytes), flags and state of the worker's span.
    """

    scope: PlainScope
    body: bytes
    request_id: str
    client: str
    method: str
    user: bytes
    seconds: float
    trace: tuple[bytes, bytes, int, tuple[tuple[str, str], ...]]


class CancelOrder(Struct, frozen=True, tag=True, array_like=True):
    """Cancel the call."""


class DrainOrder(Struct, frozen=True, tag=True, array_like=True):
    """The service stops: a stream is to end."""


type WorkerOrder = CallOrder | CancelOrder | DrainOrder


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
        last: the last piece of the response, where it was written in the same moment.
    """

    error: str
    is_cut: bool
    last: BodyPiece | None = None


class NotLoaded(Struct, frozen=True, tag=True, array_like=True):
    """The file cannot be run in this process; the log has the fault under this id."""

    error_id: str


type ProcessReport = BodyPiece | CallOver | NotLoaded
_REPORT = msgspec.msgpack.Decoder(ProcessReport).decode
_ORDER = msgspec.msgpack.Decoder(WorkerOrder).decode
_ENCODE = msgspec.msgpack.Encoder().encode


def beginning_bytes(beginning: Beginning) -> bytes:
    """Return what the worker writes first."""
    return framed(pickle.dumps(beginning, pickle.HIGHEST_PROTOCOL))


def beginning_of(message: bytes) -> Beginning:
    """Return what the worker has written first."""
    beginning: Beginning = pickle.loads(message)  # noqa: S301  # the worker's own
    return beginning


def user_bytes(user: User | None) -> bytes:
    """Return the caller as an order has it."""
    return b"" if user is None else pickle.dumps(user, pickle.HIGHEST_PROTOCOL)


def user_of(order: CallOrder) -> User | None:
    """Return the caller that an order has."""
    user: User | None = pickle.loads(order.user) if order.user else None  # noqa: S301  # the worker's own
    return user


def message_bytes(message: WorkerOrder | ProcessReport) -> bytes:
    """Return what either side writes."""
    return framed(_ENCODE(message))


def order_of(message: bytes) -> WorkerOrder:
    """Return what the worker has written."""
    order: WorkerOrder = _ORDER(message)
    return order


def report_of(message: bytes) -> ProcessReport | None:
    """Return what the process has written; None where it is no report."""
    try:
        report: ProcessReport = _REPORT(message)
    except msgspec.MsgspecError:
        return None
    return report

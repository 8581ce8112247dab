"""A call of a function as the queue keeps it, for a worker that makes it again."""

from msgspec import Struct


class KeptCall(Struct, frozen=True, kw_only=True):
    """What of a request its function reads.

    Attributes:
        values: in the path.
        query: as sent.
        headers: those that the function asks for.
        body: as sent; empty for none.
        seconds: the longest time that the run may take.
    """

    values: dict[str, str]
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    seconds: float

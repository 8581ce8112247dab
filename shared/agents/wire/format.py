"""What a wire format has: headers, and frames of server-sent events."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

type Part = dict[str, Any]


class Wire(Struct, frozen=True, kw_only=True):
    """One wire format for one stream.

    Attributes:
        encode: yields the parts that one event of a run becomes; remembers what it has begun.
        headers: of the response.
        end: what follows the last part.
    """

    encode: Callable[[Any], Iterator[Part]]
    headers: Mapping[str, str] = {}
    end: bytes = b""

    def frames(self, event: Any) -> bytes:
        """Return the frames of one event; none for an event that the format has no part for."""
        return b"".join(b"data: %s\n\n" % msgspec.json.encode(part) for part in self.encode(event))

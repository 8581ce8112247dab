"""What one endpoint asks of the gate, worked out once, and what a request's head says about it."""

from runtime.asgi.messages import Scope
from runtime.config import Endpoint, Rate
from runtime.gate.deadline import HEADER as TIMEOUT_HEADER
from runtime.gate.limits import Bulkhead
from shared.errors import Malformed


def read_head(scope: Scope) -> tuple[bytes | None, bool, bytes | None]:
    """Return the declared length of the body, whether it is chunked, and the caller's time limit.

    Raises:
        Malformed: the body is coded in a way that nobody here undoes.
    """
    length = timeout = None
    chunked = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = value
        elif name == b"transfer-encoding":
            chunked = True
            if value.lower() != b"chunked":
                raise Malformed("Of the transfer codings only chunked is understood.")
        elif name == TIMEOUT_HEADER:
            timeout = value
    return length, chunked, timeout


class Plan:
    """What one endpoint asks of the gate, worked out once.

    Attributes:
        endpoint: the matched endpoint.
        policy: its policy.
        bulkhead: shared by the endpoints whose limit stands in the same place.
        rate: likewise.
        rate_name: what is counted.
        watch: stop when the caller leaves.
    """

    __slots__ = ("bulkhead", "endpoint", "policy", "rate", "rate_name", "watch")

    def __init__(self, endpoint: Endpoint, bulkhead: Bulkhead | None) -> None:
        policy = endpoint.policy
        self.endpoint = endpoint
        self.policy = policy
        self.bulkhead = bulkhead
        self.rate = Rate.parse(policy.rate_limit) if policy.rate_limit else None
        self.rate_name = place(endpoint, "rate_limit")
        asked = policy.cancel_on_disconnect
        self.watch = endpoint.stream if asked is None else asked


def place(endpoint: Endpoint, key: str) -> str:
    """Name what the limit `key` counts: methods of a file share one that the file or its folder states."""
    origin = endpoint.policy.origins.get(key, "")
    return f"{endpoint.file} {endpoint.method}" if " methods." in origin else endpoint.file

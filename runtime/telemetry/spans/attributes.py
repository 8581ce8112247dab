r"""The attributes of a server span, in OpenTelemetry's conventions and our own names.

`opentelemetry-instrumentation-asgi` reads those of the request. It is given a copy of the scope without the
query string, which it would record raw, and with two headers made plain text, because its decoder raises on
bytes such as `\xff\x`. What repeats from request to request is cached.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.instrumentation.asgi import collect_request_attributes
from opentelemetry.semconv.attributes.client_attributes import CLIENT_ADDRESS
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_PATH

from runtime.asgi.messages import Scope
from runtime.telemetry.metrics.durations import Outcome
from shared.attributes import AttributeSet

ATTRIBUTE_LIMIT = 1024  # characters; what a caller chooses is cut before it is set
REQUEST_ID, DEADLINE_LEFT = "annex.request_id", "annex.deadline_left"


NOTHING = AttributeSet()


class Facts(NamedTuple):
    """All attributes of one server span, before they are needed as a mapping.

    Attributes:
        client: what the request's head says, shared by requests of one kind.
        path: as asked for.
        address: of the caller.
        request_id: of the request.
        ending: how it ended, shared likewise.
        deadline_left: seconds, None when there was no deadline.
    """

    client: AttributeSet
    path: str
    address: str
    request_id: str
    ending: AttributeSet
    deadline_left: float | None

    def attributes(self) -> dict[str, Any]:
        """Return them by name."""
        attributes: dict[str, Any] = {
            **self.client,
            URL_PATH: self.path,
            CLIENT_ADDRESS: self.address,
            REQUEST_ID: self.request_id,
            **self.ending,
        }
        if self.deadline_left is not None:
            attributes[DEADLINE_LEFT] = self.deadline_left
        return attributes


def client_of(scope: Scope, method: str, headers: Mapping[bytes, bytes]) -> AttributeSet:
    """Return what is known of a request at its arrival, except what differs from request to request."""
    return _client(
        method,
        scope["scheme"],
        scope["http_version"],
        headers.get(b"host", b""),
        headers.get(b"user-agent", b""),
        scope.get("server"),
    )


def ending_of(outcome: Outcome, *, function: str, auth: str, error: str) -> AttributeSet:
    """Return what is known at the end; empty texts are left out."""
    facts: dict[str, str | int] = {
        HTTP_RESPONSE_STATUS_CODE: outcome.status,
        ERROR_TYPE: outcome.error,
        HTTP_ROUTE: outcome.route,
        "annex.function": function,
        "annex.auth": auth,
        "annex.error": error,
    }
    return AttributeSet({key: value for key, value in facts.items() if value})


@lru_cache(maxsize=256)
def _client(
    method: str, scheme: str, version: str, host: bytes, agent: bytes, server: tuple[str, int | None] | None
) -> AttributeSet:
    view = {
        "method": method,
        "scheme": scheme,
        "http_version": version,
        "headers": [(b"host", _plain(host)), (b"user-agent", _plain(agent))],
    }
    attributes: dict[str, Any] = collect_request_attributes(view, _StabilityMode.HTTP)  # type: ignore[no-untyped-call]  # theirs is untyped
    attributes[SERVER_ADDRESS], attributes[SERVER_PORT] = _authority(host, server)
    return AttributeSet(
        {
            key: value[:ATTRIBUTE_LIMIT] if isinstance(value, str) else value
            for key, value in attributes.items()
        }
    )


def _plain(value: bytes) -> bytes:
    return value if value.isascii() else value.decode("latin-1").encode()


def _authority(host: bytes, server: tuple[str, int | None] | None) -> tuple[str, int]:
    """Return the name and port that the caller asked for, the socket's own when the request names none."""
    own_name, own_port = server or ("", None)
    name, colon, port = host.decode("latin-1").rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host.decode("latin-1"), ""
    return name or own_name, int(port) if port.isdecimal() and len(port) < 6 else own_port or 80

"""The attributes of a server span, in OpenTelemetry's stable conventions and our own names.

Those of the request are read by hand, and a test compares them with the ASGI instrumentation's, which decodes
some header bytes with an exception. What repeats from request to request is cached.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from opentelemetry.semconv.attributes.client_attributes import CLIENT_ADDRESS
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_REQUEST_METHOD_ORIGINAL,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.network_attributes import NETWORK_PROTOCOL_VERSION
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_PATH, URL_SCHEME
from opentelemetry.semconv.attributes.user_agent_attributes import USER_AGENT_ORIGINAL
from opentelemetry.util.http import detect_synthetic_user_agent, sanitize_method

from runtime.asgi.messages import Scope
from runtime.telemetry.metrics.durations import Outcome
from shared.attributes import AttributeSet

ATTRIBUTE_LIMIT = 1024  # characters; what a caller chooses is cut before it is set
REQUEST_ID, DEADLINE_LEFT = "annex.request_id", "annex.deadline_left"
USER_ID = "user.id"  # in development in the conventions, whose package keeps it in a private module
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
        user_id: of the caller, empty for nobody.
    """

    client: AttributeSet
    path: str
    address: str
    request_id: str
    ending: AttributeSet
    deadline_left: float | None
    user_id: str = ""

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
        if self.user_id:
            attributes[USER_ID] = self.user_id
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
    standard, agent_text = sanitize_method(method), agent.decode("latin-1")
    name, port = _authority(host, server)
    texts = {
        URL_SCHEME: scheme,
        NETWORK_PROTOCOL_VERSION: version,
        HTTP_REQUEST_METHOD_ORIGINAL: method if method != standard else "",
        HTTP_REQUEST_METHOD: standard,
        USER_AGENT_ORIGINAL: agent_text,
        "user_agent.synthetic.type": detect_synthetic_user_agent(agent_text),
    }
    known = {key: text[:ATTRIBUTE_LIMIT] for key, text in texts.items() if text}
    return AttributeSet({**known, SERVER_ADDRESS: name[:ATTRIBUTE_LIMIT], SERVER_PORT: port})


def _authority(host: bytes, server: tuple[str, int | None] | None) -> tuple[str, int]:
    """Return the name and port that the caller asked for, the socket's own when the request names none."""
    own_name, own_port = server or ("", None)
    name, colon, port = host.decode("latin-1").rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host.decode("latin-1"), ""
    return name or own_name, int(port) if port.isdecimal() and len(port) < 6 else own_port or 80

r"""What a server span says of its request and its end, in OpenTelemetry's conventions and our own names.

The instrumentation of `opentelemetry-instrumentation-asgi` reads the request's part. It is shown a copy of
the scope without the query string, which it would record raw, and with two headers made plain text, because
its decoder raises on bytes such as `\xff\x`. What repeats from request to request is read once.
"""

import asyncio
from functools import lru_cache
from typing import Any

from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.instrumentation.asgi import collect_request_attributes
from opentelemetry.semconv.attributes.client_attributes import CLIENT_ADDRESS
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_PATH

from runtime.asgi import Scope
from runtime.invocation import Invocation
from runtime.telemetry.durations import Outcome

LONGEST = 1024  # characters of a text on a span; what a caller chooses is cut here, before it is set
_READ = frozenset({b"host", b"user-agent"})


def of_request(scope: Scope, invocation: Invocation) -> dict[str, Any]:
    """Return the attributes known before anything ran."""
    headers = {name: value for name, value in scope["headers"] if name in _READ}
    return {
        **_of_client(
            invocation.method,
            scope["scheme"],
            scope["http_version"],
            headers.get(b"host", b""),
            headers.get(b"user-agent", b""),
            scope.get("server"),
        ),
        URL_PATH: scope["path"][:LONGEST],
        CLIENT_ADDRESS: invocation.client,
        "annex.request_id": invocation.request_id,
    }


def of_end(invocation: Invocation, outcome: Outcome) -> dict[str, Any]:
    """Return the attributes known after everything ran."""
    attributes: dict[str, Any] = {}
    if outcome.status:
        attributes[HTTP_RESPONSE_STATUS_CODE] = outcome.status
    if outcome.error:
        attributes[ERROR_TYPE] = outcome.error
    if invocation.endpoint is not None:
        attributes[HTTP_ROUTE] = invocation.endpoint.template
        attributes["annex.function"] = invocation.endpoint.file
    if invocation.auth:
        attributes["annex.auth"] = invocation.auth
    if invocation.error:
        attributes["annex.error"] = invocation.error
    if invocation.deadline is not None:
        attributes["annex.deadline_left"] = round(invocation.deadline - asyncio.get_running_loop().time(), 3)
    return attributes


@lru_cache(maxsize=256)
def _of_client(
    method: str, scheme: str, version: str, host: bytes, agent: bytes, server: tuple[str, int | None] | None
) -> dict[str, Any]:
    view = {
        "method": method,
        "scheme": scheme,
        "http_version": version,
        "headers": [(b"host", _plain(host)), (b"user-agent", _plain(agent))],
    }
    attributes: dict[str, Any] = collect_request_attributes(view, _StabilityMode.HTTP)  # type: ignore[no-untyped-call]  # theirs is untyped
    attributes[SERVER_ADDRESS], attributes[SERVER_PORT] = _authority(host, server)
    return {key: value[:LONGEST] if isinstance(value, str) else value for key, value in attributes.items()}


def _plain(value: bytes) -> bytes:
    return value if value.isascii() else value.decode("latin-1").encode()


def _authority(host: bytes, server: tuple[str, int | None] | None) -> tuple[str, int]:
    """Return the name and port that the caller asked for, the socket's own when the request names none."""
    own_name, own_port = server or ("", None)
    name, colon, port = host.decode("latin-1").rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host.decode("latin-1"), ""
    return name or own_name, int(port) if port.isdecimal() and len(port) < 6 else own_port or 80

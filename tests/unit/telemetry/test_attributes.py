"""What a span says of its request."""

import time

import pytest
from opentelemetry.instrumentation.asgi import collect_request_attributes

from runtime.asgi.invocation import Invocation
from runtime.telemetry.spans.attributes import Facts, client_of
from shared.attributes import AttributeSet


def scope(**changes):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/signals/SPY",
        "query_string": b"token=canary",
        "headers": [(b"host", b"api.example.com"), (b"user-agent", b"curl/8.5")],
        "client": ("100.64.0.2", 4711),
        "server": ("10.0.0.5", 8080),
        **changes,
    }


def invocation(method="GET"):
    return Invocation(request_id="r-1", client="203.0.113.9", method=method, started=time.perf_counter())


def of_request(scope, invocation):
    """Return the attributes of a request that has not ended."""
    client = client_of(scope, invocation.method, dict(scope["headers"]))
    return Facts(
        client, scope["path"], invocation.client, invocation.request_id, AttributeSet({}), None
    ).attributes()


def test_request_is_described_by_the_stable_conventions():
    assert of_request(scope(), invocation()) == {
        "http.request.method": "GET",
        "url.scheme": "https",
        "url.path": "/signals/SPY",
        "network.protocol.version": "1.1",
        "server.address": "api.example.com",
        "server.port": 8080,
        "user_agent.original": "curl/8.5",
        "client.address": "203.0.113.9",
        "annex.request_id": "r-1",
    }


def test_clients_of_one_kind_do_not_share_what_is_their_own():
    first = of_request(scope(), invocation())
    second = of_request(scope(path="/signals/QQQ"), invocation())

    assert (first["url.path"], second["url.path"]) == ("/signals/SPY", "/signals/QQQ")


def test_method_that_no_rfc_knows_is_other_with_the_original_beside_it():
    attributes = of_request(scope(), invocation("BREW"))

    assert attributes["http.request.method"] == "_OTHER"
    assert attributes["http.request.method_original"] == "BREW"


@pytest.mark.parametrize("value", [b"\xff\\x", b"\xff\\u12", b"\x80" * 9, b"\\N{", b""])
def test_header_bytes_that_crash_the_stock_decoder_are_only_text(value):
    headers = [(b"host", value), (b"user-agent", value), (b"baggage", value), (value, value)]

    attributes = of_request(scope(headers=headers), invocation())

    assert attributes.get("user_agent.original", "") == value.decode("latin-1")


def test_stock_decoder_still_raises_on_such_bytes():
    """Once it does not, the copy of the scope that `attributes` makes can go."""
    with pytest.raises(UnicodeDecodeError):
        collect_request_attributes(scope(headers=[(b"user-agent", b"\xff\\x")]))


@pytest.mark.parametrize(
    ("host", "server", "expected"),
    [
        (b"api.example.com:8443", ("10.0.0.5", 80), ("api.example.com", 8443)),
        (b"[::1]:8000", None, ("[::1]", 8000)),
        (b"[::1]", None, ("[::1]", 80)),
        (b"api.example.com:999999", ("10.0.0.5", 80), ("api.example.com", 80)),
        (b"", ("10.0.0.5", 8080), ("10.0.0.5", 8080)),
        (b"", ("/run/annex.sock", None), ("/run/annex.sock", 80)),
    ],
)
def test_server_is_what_the_caller_asked_for(host, server, expected):
    attributes = of_request(scope(headers=[(b"host", host)], server=server), invocation())

    assert (attributes["server.address"], attributes["server.port"]) == expected

"""Behind a trusted edge the port of a request is the caller's, not that of the socket."""

import pytest

from runtime.http.proxies import TrustedProxies
from runtime.telemetry.spans.attributes import client_of


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        ("100.64.0.2", b"https", ("https", 443)),
        ("100.64.0.2", b"http", ("http", 80)),
        ("192.0.2.1", b"https", ("http", 8080)),
    ],
)
def test_scheme_and_port_are_what_a_trusted_edge_says(peer, said, expected):
    headers = [(b"host", b"api.example.com"), (b"x-forwarded-proto", said)]
    scope = {"type": "http", "client": (peer, 5), "server": ("10.0.0.5", 8080), "scheme": "http",
             "http_version": "1.1", "headers": headers}  # fmt: skip

    TrustedProxies(["100.64.0.0/10"]).identify(scope)
    attributes = client_of(scope, "GET", dict(headers))

    assert (attributes["url.scheme"], attributes["server.port"]) == expected

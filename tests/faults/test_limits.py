"""Every limit of the real server, with the answer a caller gets: docs/operations.md has the same table."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import ORIGIN, environment, functions_of
from tests.fixtures.service import Service, annex

pytestmark = pytest.mark.timeout(600)

TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}
ECHO = '''"""Takes anything."""

from typing import Any

from runtime import Function

config = Function(public=True, max_body=100_000)


async def post(data: dict[str, Any]) -> int:
    """Return how many members there are."""
    return len(data)
'''


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Service]:
    tmp_path: Path = tmp_path_factory.mktemp("limits")
    functions = functions_of(tmp_path, {"readings.py": ECHO})
    counted = {"ANNEX_MAX_CONNECTIONS": "8", "ANNEX_WORKERS": "1"}  # of each worker
    settings = environment(issuer, "postgresql://app@127.0.0.1:1/app", functions, **counted)
    with annex("serve", tmp_path, settings) as running:
        yield running


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 1000):
        yield b" " * 1000


REFUSED: dict[str, tuple[int, str, dict[str, Any]]] = {
    "a URL over 8 KiB": (414, "uri_too_long", {"url": "/readings?q=" + "x" * 9000}),
    "more than 100 headers": (
        431,
        "headers_too_large",
        {"headers": [(f"X-{number}", "v") for number in range(120)]},
    ),
    "headers over 32 KiB": (431, "headers_too_large", {"headers": {"X-Long": "x" * 40_000}}),
    "a body over the function's limit": (413, "body_too_large", {"content": b" " * 200_000, "headers": JSON}),
    "a body over it without a length": (413, "body_too_large", {"content": chunks, "headers": JSON}),
    "JSON nested 100 000 deep": (400, "malformed_request", {"content": b"[" * 90_000, "headers": JSON}),
    "JSON nested in a member": (
        400,
        "malformed_request",
        {"content": b'{"a":' * 15_000 + b"1" + b"}" * 15_000, "headers": JSON},
    ),
    "invalid UTF-8": (400, "malformed_request", {"content": b'{"a": "\xff\xfe"}', "headers": JSON}),
    "text/plain": (
        415,
        "unsupported_media_type",
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    ),
    "no content type": (415, "unsupported_media_type", {"content": b"{}"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_over_a_limit_is_refused_as_a_problem_with_cors(service: Service, what: str):
    status, code, options = REFUSED[what]
    options = dict(options)
    if callable(options.get("content")):
        options["content"] = options["content"](200_000)
    url = service.url + options.pop("url", "/readings")
    given = httpx.Headers(options.pop("headers", {}))
    given["Origin"] = ORIGIN
    with httpx.Client(timeout=20) as http:
        answer = http.post(url, headers=given, **options)
        after = http.post(f"{service.url}/readings", json={"symbol": "SPY"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert (after.status_code, after.json()) == (200, 1)


def test_a_header_of_eight_mebibytes_is_refused_before_it_is_read(service: Service):
    with socket.create_connection(("127.0.0.1", service.port)) as caller:
        caller.settimeout(20)
        with contextlib.suppress(ConnectionError):
            caller.sendall(b"GET / HTTP/1.1\r\nHost: annex\r\nX-Long: " + b"x" * 8 * 2**20)
        assert caller.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_a_connection_too_many_is_refused_with_cors_and_the_next_one_served(service: Service):
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: annex\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        refused = httpx.post(f"{service.url}/readings", json={}, headers={"Origin": ORIGIN})
        healthy = httpx.get(f"{service.url}/health/live")
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert refused.headers["retry-after"] == "1"
    assert healthy.status_code == 200
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(transport=transport) as http:
        assert http.post(f"{service.url}/readings", json={}).status_code == 200

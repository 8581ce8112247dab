"""Whatever is sent, no answer is a fault of ours, and every refusal has its shape."""

import asyncio
import base64
import collections
import contextlib
import json
import re
import socket
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from runtime.server.listener import ConnectionLimits
from tests.fixtures.app import Compose, permitted
from tests.fixtures.clerk import Issuer
from tests.fixtures.figures import Figure
from tests.fixtures.listening import listening
from tests.fixtures.production import ORIGIN, environment, served
from tests.fixtures.service import SAMPLE

pytestmark = pytest.mark.timeout(600)

with warnings.catch_warnings(action="ignore"):  # some of its dependencies are deprecated in others
    import schemathesis
    import schemathesis.openapi
    from schemathesis.core.result import Ok

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
SWITCHED_OFF = {"agents_unavailable"}  # 503s that say what the operator has left out


def verdict(status: int, kind: str, body: bytes) -> str:
    """Return what is wrong with an answer, `""` when nothing is."""
    if status < 400:
        return ""
    if kind != "application/problem+json":
        return f"{status} is {kind or 'nothing'}"
    code = json.loads(body)["code"]
    return f"{status} {code}" if status >= 500 and code not in SWITCHED_OFF else ""


class Explorer:
    """Calls every operation of a contract, as it allows and as it forbids.

    Attributes:
        statuses: how many answers had which status.
        wrong: what was wrong with some.
    """

    def __init__(self, url: str, token: str, examples: int) -> None:
        self.statuses: collections.Counter[int] = collections.Counter()
        self.wrong: list[str] = []
        self._headers = {"Authorization": f"Bearer {token}", "Origin": ORIGIN}
        self._http = httpx.Client(base_url=url, timeout=60)
        self._examples = examples

    def run(self) -> None:
        """Explore everything."""
        with self._http:
            contract = self._http.get("/openapi.json").json()
            for found in schemathesis.openapi.from_dict(contract).get_all_operations():
                assert isinstance(found, Ok), found
                for mode in schemathesis.GenerationMode:
                    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with a call without input
                        self._explore(found.ok(), mode)

    def _explore(self, operation: Any, mode: schemathesis.GenerationMode) -> None:
        @settings(
            max_examples=self._examples, database=None, suppress_health_check=QUIET, phases=[Phase.generate]
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: schemathesis.Case[Any]) -> None:
            self._judge(case, self._send(case))

        call()

    def _send(self, case: schemathesis.Case[Any]) -> httpx.Response:
        """Send what was made up with a client that leaves it as it is."""
        made = case.as_transport_kwargs(base_url=str(self._http.base_url), headers=self._headers)
        content = json.dumps(made["json"]).encode() if "json" in made else made.get("data")
        headers = {name: value for name, value in made["headers"].items() if value is not None}
        if "json" in made:
            headers.setdefault("Content-Type", "application/json")
        with self._http.stream(
            made["method"],
            made["url"],
            params=made.get("params"),
            headers=headers,
            content=content if isinstance(content, bytes | str) else None,
        ) as answer:
            if "text/event-stream" not in answer.headers.get("content-type", ""):
                answer.read()
        return answer

    def _judge(self, case: schemathesis.Case[Any], answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        kind = answer.headers.get("content-type", "")
        found = "" if "event-stream" in kind else verdict(answer.status_code, kind, answer.content)
        if not found and answer.headers.get("access-control-allow-origin") != ORIGIN:
            found = f"{answer.status_code} without CORS"
        if found:
            self.wrong.append(f"{case.method} {case.formatted_path}: {found}")


async def test_what_the_contract_allows_and_forbids_is_answered_without_a_fault(
    tmp_path: Path, issuer: Issuer, database_url: str, figure: Figure, full: bool
):
    permissions = ["org:samples:write", "org:samples:delete", "org:samples:read"]
    token = issuer.token(**permitted(*permissions), exp=int(time.time()) + 3600)
    webhook = {"CLERK_WEBHOOK_SIGNING_SECRET": "whsec_" + base64.b64encode(b"x" * 24).decode()}
    settings_ = environment(issuer, database_url, SAMPLE / "functions", ANNEX_ENV="test", **webhook)
    async with served(tmp_path, settings_) as service:
        explorer = Explorer(service.url, token, examples=100 if full else 6)
        await asyncio.to_thread(explorer.run)
        log = service.log
    figure("cases", explorer.statuses.total())
    figure("answers by status", dict(sorted(explorer.statuses.items())))
    assert explorer.wrong == []
    assert explorer.statuses[200]
    assert explorer.statuses[400]
    assert "unhandled exception" not in log


METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "M-SEARCH"])
PATHS = st.sampled_from(
    [
        "/",
        "/me",
        "/samples",
        "/samples/NORTH",
        "/samples/NORTH/history",
        "/health/ready",
        "/openapi.json",
        "/no",
        "/samples/%2F%00",
        "//",
        "/%ff",
    ]
)
NAMES = [
    "Authorization",
    "Content-Type",
    "Connection",
    "X-Real-IP",
    "Cookie",
    "X-Request-Id",
    "traceparent",
    "Request-Timeout",
    "Accept",
    "Range",
    "If-None-Match",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
    "Origin",
    "Forwarded",
    "X-A",
]
LEGAL = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")
VALUES = st.one_of(
    st.text(LEGAL, max_size=40).map(lambda text: text.encode("latin-1")),
    st.sampled_from([b"", b"Bearer x", b"Bearer a.b.c", b"application/json", b"close", b"GET", b"1"]),
)
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Whole requests that HTTP/1.1 allows, whatever they ask for."""
    query = quote(draw(st.binary(max_size=20)))
    target = draw(st.one_of(PATHS, PATHS.map(lambda path: f"{path}?symbol={query}&limit={query}")))
    lines = [f"{draw(METHODS)} {target} HTTP/1.1".encode(), b"Host: annex"]
    fields = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
    lines += [b"Origin: " + ORIGIN.encode()] if "Origin" not in fields else []
    lines += [name.encode() + b": " + value for name, value in fields.items()]
    body = draw(BODIES)
    lines.append(f"Content-Length: {len(body)}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A request with a few bytes changed, lost or put in."""
    message = draw(requests())
    place = draw(st.integers(0, len(message)))
    return message[:place] + draw(st.binary(max_size=10)) + message[place + draw(st.integers(0, 10)) :]


def answers_in(data: bytes) -> list[tuple[int, str, bytes]]:
    """Return status, content type and body of every response in `data`."""
    found = []
    while match := re.match(rb"HTTP/1\.1 (\d{3}) .*?\r\n\r\n", data, re.DOTALL):
        head = match[0].lower()
        length = re.search(rb"content-length: (\d+)", head)
        kind = re.search(rb"content-type: ([^;\r]+)", head)
        end = match.end() + (int(length[1]) if length else len(data))
        found.append((int(match[1]), kind[1].decode() if kind else "", data[match.end() : end]))
        data = data[end:] if match[1] != b"100" else data[match.end() :]
    return found


async def test_bytes_that_are_nearly_a_request_are_answered_without_a_fault(
    compose: Compose, database_url: str, figure: Figure, full: bool
):
    statuses: collections.Counter[str] = collections.Counter()

    def explore(port: int) -> None:
        @settings(max_examples=5_000 if full else 500, database=None, suppress_health_check=QUIET)
        @given(message=st.one_of(requests(), damaged(), st.binary(min_size=1, max_size=200)))
        def send(message: bytes) -> None:
            told = answers_in(exchange(port, message))
            statuses.update(str(status) for status, _, _ in told) if told else statuses.update(["closed"])
            # A HEAD is answered without the body its length announces.
            faults = [fault for each in told if (each[2] or each[0] >= 500) and (fault := verdict(*each))]
            assert not faults, (message, faults)

        send()

    limits = ConnectionLimits(head_time=0.02, body_stall=0.02, linger=0.02)
    async with (
        compose(DATABASE_URL=database_url) as caller,
        listening(caller.application, limits, keep_alive=0.05) as server,
    ):
        await asyncio.to_thread(explore, server.port)
        alive = await caller.http.get("/health/live")
    figure("cases", statuses.total())
    figure("answers", dict(sorted(statuses.items())))
    assert alive.status_code == 200


def exchange(port: int, message: bytes) -> bytes:
    """Send `message` and return what comes until the server closes."""
    got = b""
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.settimeout(20)
        try:
            caller.sendall(message)
            while part := caller.recv(65536):
                got += part
        except ConnectionError:
            pass
    return got

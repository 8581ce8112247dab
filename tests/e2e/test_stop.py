"""SIGTERM at a real process: in order, in time, with status 0."""

import contextlib
import http.server
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.figures import Figure
from tests.fixtures.production import SLOW, STANDING, STUBBORN, TICKS, environment, functions_of
from tests.fixtures.service import Service, annex

pytestmark = pytest.mark.timeout(300)

NO_DATABASE = "postgresql://app@127.0.0.1:1/app"
POST = SLOW[SLOW.index("async def get") :].replace(" get(", " post(", 1)
FILES = {"slow.py": f"{SLOW}\n\n{POST}", "ticks.py": TICKS, "standing.py": STANDING, "stubborn.py": STUBBORN}


@contextlib.contextmanager
def serving(tmp_path: Path, issuer: Issuer, **more: str) -> Iterator[Service]:
    functions = functions_of(tmp_path, FILES)
    with annex("serve", tmp_path, environment(issuer, NO_DATABASE, functions, **more)) as service:
        yield service


type Send = Callable[[Service, str], socket.socket]


@pytest.fixture
def under_way() -> Iterator[Send]:
    """Send the head of a request on a connection of its own; return the connection."""
    with contextlib.ExitStack() as stack:

        def send(service: Service, head: str) -> socket.socket:
            caller = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            caller.settimeout(30)
            caller.sendall(f"{head} HTTP/1.1\r\nHost: annex\r\n\r\n".encode())
            return caller

        yield send


def is_accepted(service: Service) -> bool:
    """Whether a new connection is taken."""
    try:
        socket.create_connection(("127.0.0.1", service.port)).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it came as the listener was closed
        return False
    return True


def everything(caller: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    parts = []
    while part := caller.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_a_stream_ends_with_its_terminal_event(tmp_path: Path, issuer: Issuer, under_way: Send):
    with serving(tmp_path, issuer) as service:
        caller = under_way(service, "GET /ticks?count=1000")
        while b"event: tick" not in caller.recv(65536):
            pass
        service.process.send_signal(signal.SIGTERM)
        rest = everything(caller)
        assert service.process.wait(30) == 0
    assert b"event: error" in rest
    assert b"shutting_down" in rest
    assert rest.endswith(b"0\r\n\r\n")


def test_during_the_overlap_readiness_turns_and_work_is_still_done_on_connections_that_close(
    tmp_path: Path, issuer: Issuer
):
    with serving(tmp_path, issuer, ANNEX_DRAIN_DELAY="2") as service:
        with httpx.Client(base_url=service.url) as kept:
            kept.get("/slow?seconds=0")
            service.process.send_signal(signal.SIGTERM)
            while kept.get("/health/ready").json()["checks"]["service"]["status"] != "down":
                time.sleep(0.02)
            ready, work = kept.get("/health/ready"), kept.get("/slow?seconds=0")
        assert service.process.wait(30) == 0
    assert ready.status_code == 503
    assert (work.status_code, work.headers["connection"]) == (200, "close")


def test_after_the_overlap_new_work_is_refused_while_old_work_finishes(
    tmp_path: Path, issuer: Issuer, under_way: Send
):
    with serving(tmp_path, issuer) as service:
        old = under_way(service, "GET /slow?seconds=2")
        late = under_way(service, "GET /slow?seconds=0")
        assert b" 200 " in late.recv(65536)
        service.process.send_signal(signal.SIGTERM)
        while is_accepted(service):
            time.sleep(0.02)
        assert b'"done"' in everything(old)
        assert service.process.wait(30) == 0


def test_what_does_not_end_is_cut_and_named_and_the_status_is_still_0(
    tmp_path: Path, issuer: Issuer, under_way: Send, figure: Figure
):
    with serving(tmp_path, issuer, ANNEX_DRAIN_TIMEOUT="1") as service:
        under_way(service, "GET /stubborn")
        cut = [under_way(service, f"{method} /slow?seconds=60") for method in ("GET", "POST")]
        time.sleep(0.3)  # the requests are on their way; nothing tells from outside that they have begun
        began = time.monotonic()
        assert service.stop() == 0
        figure("seconds to the end, with a drain of 1 s", round(time.monotonic() - began, 1))
        assert "cancelled at the end of the drain: GET /slow, GET /stubborn, POST /slow" in service.log
        read, changed = map(everything, cut)
    assert read.startswith(b"HTTP/1.1 503 ")
    assert b'"shutting_down"' in read
    assert b"retry-after: 1" in read
    assert changed.startswith(b"HTTP/1.1 503 ")
    assert b'"outcome_unknown"' in changed  # it may have changed something: not to be sent again
    assert b"retry-after" not in changed


def test_a_process_whose_loop_stands_still_ends_within_the_budget(
    tmp_path: Path, issuer: Issuer, under_way: Send, figure: Figure
):
    with serving(tmp_path, issuer, ANNEX_DRAIN_TIMEOUT="0", ANNEX_STALL="0") as service:
        under_way(service, "GET /standing?seconds=100")
        while "event loop blocked in standing.py" not in service.log:
            time.sleep(0.05)
        began = time.monotonic()
        assert service.stop() == 1
        figure("seconds to the end, with a budget of 10 s", round(time.monotonic() - began, 1))
        assert "the stop exceeded its time limit" in service.log


class Silence(http.server.BaseHTTPRequestHandler):
    """A collector that takes the connection and never answers."""

    def do_POST(self) -> None:
        threading.Event().wait(60)


def test_a_collector_that_never_answers_does_not_hold_up_the_end(
    tmp_path: Path, issuer: Issuer, figure: Figure
):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silence)
    collector.daemon_threads = True
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    with serving(tmp_path, issuer, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as service:
        httpx.get(f"{service.url}/slow?seconds=0")
        began = time.monotonic()
        assert service.stop() == 0
        figure("seconds to the end, 3 of them for telemetry", round(time.monotonic() - began, 1))
    collector.shutdown()
    collector.server_close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_the_service_is_reached_over_ipv4_and_ipv6(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer) as service:
        for host in ("127.0.0.1", "[::1]"):
            answer = httpx.get(
                f"http://{host}:{service.port}/health/live", headers={"Host": "healthcheck.railway.app"}
            )
            assert answer.status_code == 200


def test_a_second_interrupt_ends_it_at_once(tmp_path: Path, issuer: Issuer, under_way: Send):
    with serving(tmp_path, issuer, ANNEX_DRAIN_TIMEOUT="60") as service:
        under_way(service, "GET /slow?seconds=60")
        service.process.send_signal(signal.SIGINT)
        while "stopping" not in service.log:
            time.sleep(0.02)
        assert service.stop(signal.SIGINT) == 0

"""Every alarm of docs/operations.md, provoked in one service: log line, metric and detail are there."""

import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import Service, annex, until
from tests.fixtures.telemetry import Receiver
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import DIARY, LEASE, NO_DATABASE, Works

pytestmark = pytest.mark.timeout(400)

HEAD = (
    '"""A drill."""\n\nimport asyncio\nimport sys\nimport time\n\nfrom runtime import Function\n\n'
    "config = Function(public=True)\n\n\nasync def get() -> str:\n"
    '    """Do what an alarm is for."""\n'
)
FILES = {
    "raising.py": f'{HEAD}    raise ValueError("no")\n',
    "slow.py": f'{HEAD}    await asyncio.sleep(1.2)\n    return "late"\n',
    "blocking.py": f'{HEAD}    time.sleep(3)\n    return "late"\n',
    "printing.py": f'{HEAD}    print("x" * 300_000, file=sys.stdout)\n    return ""\n',
    "private.py": HEAD.replace("config = Function(public=True)", "config = Function()") + '    return ""\n',
    "broken.py": "import nowhere\n",
    "diary.py": DIARY,
}


class Log:
    """The service's standard output: a pipe whose reader can pause."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.text = ""
        self._reader = threading.Thread(target=self._take, daemon=True)
        self._reader.start()

    def _take(self) -> None:
        while data := os.read(self.read, 1 << 16):
            self.goes_on.wait()
            self.text += data.decode("utf-8", "replace")

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the service itself."""
        return [json.loads(each) for each in self.text.splitlines() if re.fullmatch(r"\{.*\}", each)]


class Drill:
    """A running service, and where its signals arrive."""

    def __init__(self, service: Service, works: Works, log: Log, otlp: Receiver) -> None:
        self.service = service
        self.works = works
        self.log = log
        self._otlp = otlp

    def ask(self, path: str, **headers: str) -> httpx.Response:
        """Send one request."""
        return httpx.get(f"{self.service.url}{path}", headers=headers, timeout=30)

    def checks(self) -> Any:
        """Return the checks of readiness."""
        return self.ask("/health/ready").json()["checks"]

    def logged(self, text: str, **fields: Any) -> None:
        """Wait for a log line that holds `text` and these fields."""
        until(
            lambda: any(
                text in each["message"] and fields.items() <= each.items() for each in self.log.lines()
            ),
            seconds=60,
        )

    def measured(self, name: str, holds: Callable[[Any, dict[str, str]], bool]) -> None:
        """Wait for a metric that has a point of which `holds(point, attributes)` is true."""
        until(
            lambda: any(holds(point, told) for point, told in points(self._otlp.metrics.get(name))),
            seconds=60,
        )

    def traced(self, name: str) -> None:
        """Wait for a span of this name."""
        until(lambda: any(each.name == name for each in self._otlp.spans), seconds=60)


def points(metric: Any) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield each point of a metric with its attributes as texts."""
    kind = metric.WhichOneof("data") if metric is not None else None
    for point in list(getattr(metric, kind).data_points) if kind else []:
        yield (
            point,
            {each.key: str(getattr(each.value, each.value.WhichOneof("value"))) for each in point.attributes},
        )


def over(point: Any, bound: float) -> bool:
    """Whether a histogram has seen a value above a bound of its own."""
    places = [index for index, each in enumerate(point.explicit_bounds) if each >= bound]
    return any(point.bucket_counts[index + 1] for index in places)


def number(point: Any) -> float:
    """Return the value of a point."""
    return float(getattr(point, point.WhichOneof("value")))


@pytest.fixture
def drill(tmp_path: Path, issuer: Issuer, redis_server: RedisServer, otlp: Receiver) -> Iterator[Drill]:
    log = Log()
    settings = environment(
        issuer,
        NO_DATABASE,
        functions_of(tmp_path, FILES),
        REDIS_URL=redis_server.url,
        ANNEX_JOB_LEASE=str(LEASE),
        ANNEX_JOB_BACKOFF="0.1",
        OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http,
        OTEL_METRIC_EXPORT_INTERVAL="1000",
        ANNEX_STALL="20",  # so that the watchdog speaks before the call is interrupted
    )
    with annex("serve", tmp_path, settings, into=log.write, wait=False) as service:
        os.close(log.write)
        until(lambda: "serves on port" in log.text or service.process.poll() is not None)
        assert service.process.poll() is None, log.text
        yield Drill(service, Works(service, redis_server.url, tmp_path), log, otlp)
        log.goes_on.set()


def not_ready(drill: Drill) -> None:
    assert drill.ask("/health/ready").status_code == 503
    assert drill.checks()["database"] == {"status": "down", "detail": "the database does not respond"}


def faults(drill: Drill) -> None:
    request_id = drill.ask("/raising").headers["x-request-id"]
    drill.logged("unhandled exception", request_id=request_id)
    drill.measured(
        "http.server.request.duration",
        lambda _, told: (told["http.response.status_code"], told.get("http.route")) == ("500", "/raising"),
    )


def slow(drill: Drill) -> None:
    assert drill.ask("/slow").status_code == 200
    drill.measured(
        "http.server.request.duration",
        lambda point, told: told.get("http.route") == "/slow" and over(point, 1),
    )
    drill.traced("GET /slow")


def loop_lag(drill: Drill) -> None:
    assert drill.ask("/blocking").status_code == 200
    drill.logged("event loop blocked in")
    drill.measured("annex.event_loop.lag", lambda point, _: over(point, 0.25))


def quarantine(drill: Drill) -> None:
    drill.logged("function quarantined", function="broken.py")
    drill.measured("annex.functions.quarantined", lambda point, _: number(point) == 1)
    (named,) = drill.checks()["functions"]["detail"]["quarantined"]
    assert named["file"] == "broken.py"


def refusals(drill: Drill) -> None:
    assert drill.ask("/private", authorization="Bearer x.y.z").status_code == 401
    drill.measured(
        "annex.auth.outcomes",
        lambda point, told: told["annex.auth"] not in {"public", "session"} and number(point) >= 1,
    )


def refused_connections(drill: Drill) -> None:
    with socket.create_connection(("127.0.0.1", drill.service.port)) as caller:
        caller.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert caller.recv(100).startswith(b"HTTP/1.1 400")
    drill.logged("refused before a request was complete")


def work_waits(drill: Drill) -> None:
    run = drill.works.enqueue(seconds=60)
    drill.measured("annex.jobs.oldest", lambda point, told: "/diary" in told.values() and number(point) >= 1)
    drill.works.cancel(run)


def dead_letters(drill: Drill) -> None:
    run = drill.works.enqueue(how="fail")
    drill.works.wait(run, "failed")
    drill.logged("run ended", run_id=run)
    drill.measured("annex.jobs.tries", lambda point, told: "failed" in told.values() and number(point) >= 1)


def lost_log_lines(drill: Drill) -> None:
    drill.log.goes_on.clear()
    for _ in range(30):  # 9 MB, more than waits
        assert drill.ask("/printing").status_code == 200
    drill.log.goes_on.set()
    drill.logged("log lines were dropped here", level="error")


DRILLS: dict[str, Callable[[Drill], None]] = {
    "not ready": not_ready,
    "faults": faults,
    "slow": slow,
    "loop lag": loop_lag,
    "quarantine": quarantine,
    "refusals": refusals,
    "refused connections": refused_connections,
    "work waits": work_waits,
    "dead letters": dead_letters,
    "lost log lines": lost_log_lines,
}


def promised() -> dict[str, str]:
    """Return each alarm of the page, with all that its row says."""
    table = (
        Path("docs/operations.md")
        .read_text("utf-8")
        .partition("| alarm | condition |")[2]
        .partition("\n\n")[0]
    )
    lines = [line.strip("| ").split(" | ", 1) for line in table.splitlines()[2:]]
    return {line[0].strip(): line[1] for line in lines}


def test_every_alarm_of_the_page_has_a_drill():
    assert promised().keys() == DRILLS.keys()


def test_what_the_page_promises_of_each_alarm_is_there_when_its_fault_is(drill: Drill):
    source = Path(__file__).read_text("utf-8")
    named = {name for row in promised().values() for name in re.findall(r"`((?:annex|http)\.[\w.]+)`", row)}
    for each in DRILLS.values():
        each(drill)
    assert {name for name in named if f'"{name}"' not in source} == set()

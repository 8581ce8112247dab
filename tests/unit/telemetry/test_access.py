"""The access line, while requests are few and when they are many."""

import logging
import time

import pytest

from runtime.asgi.invocation import Invocation
from runtime.config import Endpoint, Policy
from runtime.telemetry.logs import AccessLog


@pytest.fixture
def invocation():
    invocation = Invocation(request_id="r-1", client="", method="GET", started=0)
    invocation.endpoint = Endpoint(
        method="GET", template="/signals/{symbol}", file="signals/[symbol].py", policy=Policy()
    )
    return invocation


@pytest.fixture
def still(monkeypatch):
    """Stop the clock; call it to move on by a second."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def tick():
        now[0] += 1

    return tick


def test_line_says_method_route_status_and_duration(invocation, caplog):
    caplog.set_level(logging.INFO)

    AccessLog(50).write(invocation, 200, 0.01234)

    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("annex.access", "GET /signals/{symbol} 200")
    assert (record.status, record.duration_ms, record.levelname) == (200, 12.34, "INFO")


def test_failure_is_an_error_that_is_named(invocation, caplog):
    invocation.error = "database_unavailable"

    AccessLog(50).write(invocation, 503, 0.1)

    (record,) = caplog.records
    assert (record.levelname, record.error) == ("ERROR", "database_unavailable")


def test_request_without_a_route_or_an_answer_is_told_without_its_path(caplog):
    caplog.set_level(logging.INFO)
    unmatched = Invocation(request_id="r-1", client="", method="POST", started=0)

    AccessLog(50).write(unmatched, 404, 0.1)
    AccessLog(50).write(unmatched, 0, 0.1)

    assert [record.getMessage() for record in caplog.records] == [
        "POST (no route) 404",
        "POST (no route) cut off",
    ]


def test_many_successes_are_sampled_and_failures_still_seen(invocation, caplog, still):
    caplog.set_level(logging.INFO)
    access = AccessLog(10)

    for _ in range(1000):
        access.write(invocation, 200, 0.001)
    access.write(invocation, 500, 0.001)

    statuses = [record.status for record in caplog.records]
    assert (statuses.count(200), statuses.count(500)) == (10, 1)


def test_first_line_of_the_next_second_counts_what_was_left_out(invocation, caplog, still):
    caplog.set_level(logging.INFO)
    access = AccessLog(10)
    for _ in range(25):
        access.write(invocation, 200, 0.001)
    still()

    access.write(invocation, 200, 0.001)
    access.write(invocation, 200, 0.001)

    assert caplog.records[10].left_out == 15
    assert not hasattr(caplog.records[11], "left_out")

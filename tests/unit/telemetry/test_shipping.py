"""Log lines over OTLP: what a record becomes, and what a broken way out costs."""

import logging
import math

import pytest

from runtime.settings import load
from runtime.telemetry import Telemetry
from tests.fixtures.telemetry import Receiver

logger = logging.getLogger("desk.orders")
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def every_level():
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)


def started(endpoint: str, **more: str) -> Telemetry:
    named = {
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{endpoint}/v1/logs",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "k=v",
    }
    return Telemetry.start(load({"ANNEX_ENV": "production", **named, **more}))


async def test_a_line_arrives_as_it_is_written_with_level_logger_resource_and_extra(otlp: Receiver):
    telemetry = started(otlp.http, OTEL_SERVICE_NAME="desk")
    logger.warning("filled %d", 7, extra={"symbol": "SPY", "price": 1.5, "done": True, "legs": ["a"]})
    await telemetry.stop(5)

    (record,) = [each for each in otlp.logs if each.logger == "desk.orders"]
    assert (record.body, record.severity, record.resource["service.name"]) == ("filled 7", 13, "desk")
    assert record.attributes == {"symbol": "SPY", "price": 1.5, "done": True, "legs": '["a"]'}
    assert otlp.headers[0]["k"] == "v"


async def test_an_exception_leaves_by_type_and_place_without_its_text(otlp: Receiver):
    telemetry = started(otlp.http)
    try:
        raise ValueError("K1tt3n")
    except ValueError:
        logger.exception("refused")
    await telemetry.stop(5)

    (record,) = [each for each in otlp.logs if each.logger == "desk.orders"]
    assert record.attributes["exception.type"] == "ValueError"
    assert "test_shipping.py" in record.attributes["exception.stacktrace"]
    assert b"K1tt3n" not in b"".join(otlp.raw)


@pytest.mark.parametrize(
    "hostile",
    [
        math.nan, 2**80, b"\xff", {"a": {1, 2}}, "\ud800", "x" * 100_000, object(), TOKEN,
        type("Bad", (), {"__str__": lambda self: 1 / 0, "__repr__": lambda self: 1 / 0})(),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
async def test_whatever_extra_holds_one_line_arrives_and_the_next_one_too(otlp: Receiver, hostile):
    telemetry = started(otlp.http)
    logger.info("first", extra={"value": hostile, "exception": hostile, "level": hostile})
    logger.info("second")
    await telemetry.stop(5)

    assert len([each for each in otlp.logs if each.logger == "desk.orders"]) == 2
    assert TOKEN.encode() not in b"".join(otlp.raw)


@pytest.mark.parametrize(
    "made",
    [
        {"trace_id": 5}, {"trace_id": "no trace"}, {"trace_id": "ab", "span_id": ["ab"]}, {"created": -1.0},
        {"created": math.nan}, {"msg": 'sent "Authorization: Bearer abc"', "args": ()},
    ],
)  # fmt: skip
async def test_a_record_that_was_made_by_hand_costs_no_other_line(otlp: Receiver, made):
    telemetry = started(otlp.http)
    logger.handle(logging.makeLogRecord({"name": "desk.orders", "msg": "made", "levelno": 20, **made}))
    logger.info("second")
    await telemetry.stop(5)

    assert "second" in [each.body for each in otlp.logs]


async def test_lines_that_cannot_be_sent_are_given_up_at_the_stop(black_hole: str):
    telemetry = started(black_hole)
    for number in range(3000):
        logger.info("line %d", number)

    assert not await telemetry.stop(0.5)
    assert not [each for each in logging.getLogger().handlers if type(each).__name__ == "LogShipper"]


async def test_without_being_asked_for_no_line_is_sent(otlp: Receiver):
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test", "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http}))
    logger.warning("stays")
    await telemetry.stop(5)

    assert otlp.logs == []

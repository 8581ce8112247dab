"""Log lines as a platform and a person read them."""

import asyncio
import gc
import io
import json
import logging
import time

import pytest
from opentelemetry import trace

from runtime.asgi.invocation import Invocation, current
from runtime.config import Endpoint, Policy
from runtime.settings.groups.telemetry import TelemetrySettings
from runtime.telemetry import configure_logging
from runtime.telemetry.logs.filters import RefusalFilter, TelemetryFilter
from shared.errors import Conflict
from shared.identity import User
from shared.secret import Secret
from tests.fixtures.service import until
from tests.fixtures.telemetry import Spans


@pytest.fixture(autouse=True)
def logging_as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def written():
    """Set logging up and return what is written, a line an item."""
    stream = io.StringIO()

    def lines(production: bool = True, **settings):
        configure_logging(TelemetrySettings(**settings), production=production, stream=stream)
        return stream

    return lines


@pytest.fixture
def invocation():
    invocation = Invocation(request_id="r-1", client="127.0.0.1", method="GET", started=time.perf_counter())
    invocation.endpoint = Endpoint(
        method="GET", template="/signals/{symbol}", file="signals/[symbol].py", policy=Policy()
    )
    invocation.user = User(user_id="user_1")
    token = current.set(invocation)
    yield invocation
    current.reset(token)


def parsed(stream: io.StringIO):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_production_writes_one_json_object_a_line_with_the_platforms_levels(written):
    out = written()
    logger = logging.getLogger("functions.signals")

    logger.info("read %s", "SPY")
    logger.warning("slow\nand in two lines")

    first, second = parsed(out)
    assert (first["level"], first["message"], first["logger"]) == ("info", "read SPY", "functions.signals")
    assert (second["level"], second["message"]) == ("warn", "slow\nand in two lines")
    assert first["time"].endswith("Z")


async def test_line_of_a_request_carries_its_ids_and_its_trace(written, invocation, spans: Spans):
    out = written()
    with spans.telemetry.tracer.start_as_current_span("reading") as span:
        logging.getLogger("functions.signals").info("read", extra={"symbol": "SPY"})

    (line,) = parsed(out)
    context = span.get_span_context()
    assert line["trace_id"] == trace.format_trace_id(context.trace_id)
    assert line["span_id"] == trace.format_span_id(context.span_id)
    assert (line["function"], line["user_id"]) == ("signals/[symbol].py", "user_1")
    assert (line["request_id"], line["requestId"], line["symbol"]) == ("r-1", "r-1", "SPY")


def raise_and_log(error):
    try:
        raise error
    except Exception:
        logging.getLogger("functions.signals").exception("unhandled exception")


def test_unexpected_exception_is_written_by_type_and_place_in_production(written):
    out = written()

    raise_and_log(ValueError("canary"))

    (line,) = parsed(out)
    assert line["exception"] == "ValueError"
    assert "in raise_and_log" in line["traceback"]
    assert "canary" not in out.getvalue()


def test_message_of_an_error_of_ours_is_written(written):
    out = written()

    raise_and_log(Conflict("This signal was changed meanwhile."))

    assert parsed(out)[0]["exception_message"] == "This signal was changed meanwhile."


def test_exception_messages_can_be_asked_for(written):
    out = written(exception_messages=True)

    raise_and_log(ValueError("no reading of SPY"))

    assert parsed(out)[0]["exception_message"] == "no reading of SPY"


def test_long_line_is_cut_below_the_platforms_limit(written):
    out = written()

    logging.getLogger("a").info("x" * 100_000, extra={f"e{n}": "é" * 5_000 for n in range(40)})

    (line,) = out.getvalue().splitlines()
    assert len(line.encode()) < 16_000
    assert json.loads(line)["message"].startswith("xxx")


@pytest.mark.parametrize("value", [object(), {1: {2}}, float("nan"), "\ud800", b"\xff", Secret("canary")])
def test_whatever_extra_holds_the_line_is_written(written, value):
    out = written()

    logging.getLogger("a").info("kept", extra={"value": value})

    (line,) = parsed(out)
    assert line["message"] == "kept"
    assert "canary" not in out.getvalue()


def test_recognisable_secret_in_a_message_is_taken_out(written):
    out = written()

    logging.getLogger("a").info("connecting to postgres://app:canary@db/app")

    assert "canary" not in out.getvalue()


def test_the_servers_warnings_come_out_in_the_same_form_and_its_other_lines_not_at_all(written):
    theirs = logging.StreamHandler(io.StringIO())
    logging.getLogger("uvicorn").addHandler(theirs)
    out = written()

    logging.getLogger("uvicorn.error").info("Uvicorn running on http://:8000")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.access").info('127.0.0.1 - "GET /?token=canary HTTP/1.1" 200')

    assert [line["message"] for line in parsed(out)] == ["Invalid HTTP request received."]
    assert theirs.stream.getvalue() == ""


def test_level_is_the_settings(written):
    out = written(log_level="warning")

    logging.getLogger("a").info("quiet")
    logging.getLogger("a").warning("loud")

    assert [line["message"] for line in parsed(out)] == ["loud"]


def test_setting_up_twice_writes_once(written):
    written()
    out = written()

    logging.getLogger("a").info("once")

    assert len(parsed(out)) == 1


def test_development_writes_a_line_to_read_with_the_traceback_below(written, invocation):
    out = written(production=False)

    logging.getLogger("functions.signals").info("read", extra={"symbol": "SPY"})
    raise_and_log(ValueError("no reading"))

    first, second, *traceback = out.getvalue().splitlines()
    assert "INFO     read  functions.signals symbol=SPY user=user_1" in first
    assert "ERROR    unhandled exception" in second
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "ValueError: no reading"


def test_text_in_production_keeps_exception_messages_to_itself(written):
    out = written(log_format="text")

    raise_and_log(ValueError("canary"))

    assert "in raise_and_log" in out.getvalue()
    assert "canary" not in out.getvalue()


def test_text_cannot_move_the_terminals_cursor(written):
    out = written(production=False)

    logging.getLogger("a").info("path \x1b[2J\r\nforged")

    assert "path \\x1b[2J\\r\\nforged" in out.getvalue()


def test_terminal_gets_colours(written):
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]  # a terminal by all that matters here
    configure_logging(TelemetrySettings(), production=False, stream=stream)

    logging.getLogger("a").error("red")

    assert "\x1b[31mERROR" in stream.getvalue()


def record(name: str, message: str, level: int = logging.WARNING):
    return logging.LogRecord(name, level, "", 0, message, (), None)


def test_exporter_says_each_thing_once_a_minute():
    throttle = TelemetryFilter(every=60)
    said = [throttle.filter(record("opentelemetry.sdk", f"Queue full {n % 2}")) for n in range(1000)]

    assert said.count(True) == 2
    assert not throttle.filter(record("urllib3.connectionpool", "retrying", logging.INFO))
    assert all(throttle.filter(record("functions.signals", "again")) for _ in range(5))


def test_fault_of_our_own_tracing_does_not_fill_the_log():
    throttle = TelemetryFilter(every=60)

    assert [throttle.filter(record("runtime.telemetry.tracing", "untraced")) for _ in range(3)] == [
        True,
        False,
        False,
    ]


def test_exporter_may_speak_again_after_the_interval():
    throttle = TelemetryFilter(every=0)

    assert [throttle.filter(record("opentelemetry.sdk", "Queue full")) for _ in range(3)] == [True] * 3


def test_throttle_forgets_rather_than_grows():
    throttle = TelemetryFilter()
    for number in range(5000):
        throttle.filter(record("opentelemetry.sdk", f"{number}"))

    assert len(throttle._throttles) < 300


def test_a_flood_of_refusals_is_a_bounded_number_of_lines_and_the_rest_is_counted(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    refusals = RefusalFilter(rate=50)

    def refused(level: int = logging.INFO) -> logging.LogRecord:
        return logging.makeLogRecord({"name": "runtime.auth.authenticator", "levelno": level})

    assert sum(refusals.filter(refused()) for _ in range(1000)) == 50
    assert refusals.filter(refused(logging.WARNING))
    assert refusals.filter(logging.makeLogRecord({"name": "annex.access", "levelno": logging.INFO}))
    now[0] += 1
    first = refused()
    assert refusals.filter(first)
    assert vars(first)["left_out"] == 950


class Unfit:
    """A value whose text cannot be made."""

    def __str__(self) -> str:
        raise ValueError("canary")

    __repr__ = __str__


class Endless:
    """A value whose text contains itself."""

    def __str__(self) -> str:
        return str(self)


@pytest.mark.parametrize("production", [True, False])
@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("%d of %s", ("canary", "canary")),
        ("%s", ("canary", "canary")),
        ("%(name)s", ("canary",)),
        ("%", ("canary",)),
        ("%s", (Unfit(),)),
        ("%s", (Endless(),)),
    ],
)
def test_arguments_that_do_not_fit_are_one_line_with_place_and_template(
    written, capsys, text, arguments, production
):
    out = written(production=production)

    logging.getLogger("functions.signals").warning(text, *arguments)

    (line,) = out.getvalue().splitlines()
    assert "canary" not in line
    assert all(part in line for part in ("functions.signals", "test_logs.py", text))
    assert capsys.readouterr().err == ""


def test_extra_that_has_no_text_is_one_line_too(written, capsys):
    out = written()

    logging.getLogger("functions.signals").warning("read", extra={"value": Unfit()})

    (line,) = parsed(out)
    assert (line["level"], line["template"], line["problem"]) == ("warn", "read", "ValueError")
    assert capsys.readouterr().err == ""


def test_a_flood_of_one_failure_is_a_bounded_number_of_lines_and_the_rest_is_counted(written, monkeypatch):
    out = written()
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for _ in range(500):
        raise_and_log(ValueError("no"))
    raise_and_log(KeyError("another failure"))
    now[0] += 1

    raise_and_log(ValueError("no"))

    lines = parsed(out)
    assert [line["exception"] for line in lines[-2:]] == ["KeyError", "ValueError"]
    assert len(lines) < 30
    assert len(lines) + lines[-1]["left_out"] == 502


def test_what_a_flood_left_out_is_counted_when_it_is_over(written, monkeypatch):
    out = written()
    with monkeypatch.context() as still:
        still.setattr(time, "monotonic", lambda: 100.0)
        for _ in range(500):
            raise_and_log(ValueError("no"))

    until(lambda: "more failures were left out" in out.getvalue(), seconds=10)

    last = parsed(out)[-1]
    assert len(parsed(out)) - 1 + last["left_out"] == 500
    assert "ValueError at " in last["message"]
    assert "test_logs.py" in last["message"]


def test_each_member_of_a_group_is_written_with_its_place(written):
    out = written()

    async def first() -> None:
        raise ValueError("canary")

    async def second() -> None:
        raise KeyError("canary")

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(first())
            group.create_task(second())

    try:
        asyncio.run(both())
    except ExceptionGroup:
        logging.getLogger("functions.signals").exception("unhandled exception")

    (line,) = parsed(out)
    assert line["exception"] == "ExceptionGroup"
    for part in ("ValueError", "in first", "KeyError", "in second"):
        assert part in line["traceback"]
    assert "canary" not in out.getvalue()


def test_messages_of_a_group_are_those_of_its_members(written):
    out = written(exception_messages=True)

    raise_and_log(ExceptionGroup("two", [ValueError("no reading"), KeyError("SPY")]))

    message = parsed(out)[0]["exception_message"]
    assert "ValueError: no reading" in message
    assert "KeyError: 'SPY'" in message


def test_a_group_of_many_failures_stays_bounded(written):
    out = written()
    group = ExceptionGroup("inner", [ValueError(str(number)) for number in range(200)])

    raise_and_log(ExceptionGroup("outer", [group] * 50))

    assert len(out.getvalue()) < 16_000


def test_extra_cannot_replace_what_the_line_says_by_itself(written, invocation):
    out = written()
    given = {"level": "debug", "time": "never", "logger": "root", "user_id": "user_2", "request_id": "r-2"}

    logging.getLogger("functions.signals").error("read", extra=given)

    (line,) = parsed(out)
    assert (line["level"], line["logger"], line["user_id"], line["request_id"]) == (
        "error",
        "functions.signals",
        "user_1",
        "r-1",
    )
    assert (line["extra.level"], line["extra.user_id"]) == ("debug", "user_2")


def test_a_long_line_keeps_its_traceback(written):
    out = written()

    try:
        raise ValueError
    except ValueError:
        logging.getLogger("a").exception("x" * 100_000, extra={f"e{n}": "\x01" * 5_000 for n in range(40)})

    (line,) = out.getvalue().splitlines()
    assert len(line.encode()) < 16_000
    assert "in test_a_long_line_keeps_its_traceback" in json.loads(line)["traceback"]
    assert json.loads(line)["exception"] == "ValueError"


@pytest.mark.parametrize("form", ["json", "text"])
async def test_a_task_whose_failure_nobody_took_is_written_without_the_exceptions_text(written, form):
    out = written(log_format=form)

    async def failing(secret: str) -> None:
        raise ValueError(secret)

    def called(secret: str) -> None:
        raise ValueError(secret)

    task = asyncio.ensure_future(failing("canary"))
    asyncio.get_running_loop().call_soon(called, "canary")
    await asyncio.sleep(0.01)
    del task
    gc.collect()

    assert "Task exception was never retrieved" in out.getvalue()
    assert "Exception in callback" in out.getvalue()
    assert "in failing" in out.getvalue()
    assert "canary" not in out.getvalue()


@pytest.mark.parametrize("production", [True, False])
def test_the_text_of_an_exception_is_cut_however_long_it_is(written, production: bool):
    stream = written(production, exception_messages=True)
    try:
        raise ValueError("x" * 50_000_000)
    except ValueError:
        logging.getLogger("functions").exception("failed")
    assert "test_logs.py" in stream.getvalue()
    assert len(stream.getvalue()) < 25_000

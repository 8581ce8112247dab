"""What an exception may say about itself."""

import traceback

import pytest

from runtime.telemetry.redaction import describe, scrub, strip
from shared.errors import Conflict


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:  # noqa: BLE001 - any exception is the subject
        return raised


def test_unexpected_exception_is_described_without_its_message():
    described = describe(caught(ValueError("canary")))

    assert (described.type, described.message) == ("ValueError", None)
    assert "test_redaction.py" in described.stacktrace
    assert "in caught" in described.stacktrace
    assert "canary" not in described.stacktrace


def test_error_of_ours_keeps_the_detail_that_was_written_to_be_read():
    described = describe(caught(Conflict("This signal was changed meanwhile.")))

    assert described.type == "shared.errors.Conflict"
    assert described.message == "This signal was changed meanwhile."


def test_causes_stand_above_what_they_caused():
    def wrapped() -> None:
        try:
            raise KeyError("canary")
        except KeyError as cause:
            raise RuntimeError("canary") from cause

    with pytest.raises(RuntimeError) as raised:
        wrapped()

    stacktrace = describe(raised.value).stacktrace
    assert stacktrace.index("KeyError") < stacktrace.index("RuntimeError")
    assert "canary" not in stacktrace


def test_suppressed_context_is_left_out():
    def wrapped() -> None:
        try:
            raise KeyError
        except KeyError:
            raise RuntimeError from None

    with pytest.raises(RuntimeError) as raised:
        wrapped()

    assert "KeyError" not in describe(raised.value).stacktrace


def test_exceptions_that_cause_each_other_end():
    first, second = ValueError(), TypeError()
    first.__cause__, second.__cause__ = second, first

    assert describe(first).stacktrace == "TypeError\n\nValueError"


def test_traceback_keeps_its_innermost_frames():
    def fall(depth: int) -> None:
        if depth == 0:
            raise ValueError
        fall(depth - 1)

    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the traceback is the subject
        fall(50)

    assert describe(raised.value, frames=3).stacktrace.count("in fall") == 3


def test_traceback_formatted_by_somebody_else_loses_source_and_message():
    formatted = "".join(traceback.format_exception(caught(ValueError("canary"))))

    stripped = strip(formatted)

    assert "test_redaction.py" in stripped
    assert "canary" not in stripped
    assert "raise" not in stripped


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln ok", "token [redacted] ok"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("key sk_live_a1b2c3d4 and whsec_MfKQ9r8=", "key [redacted] and [redacted]"),
        ("postgres://app:hunter2@db.internal:5432/app", "postgres://[redacted]@db.internal:5432/app"),
        ("redis://:hunter2@cache:6379", "redis://[redacted]@cache:6379"),
        ("nothing to see at http://db.internal:5432/app", "nothing to see at http://db.internal:5432/app"),
        ("the risk_on reading of task_force", "the risk_on reading of task_force"),
    ],
)
def test_recognisable_secrets_are_taken_out(text, left):
    assert scrub(text) == left


@pytest.mark.parametrize("piece", ["a:", "eyJ", "eyJaaaaaaaaa.", "bearer ", "sk_-"])
@pytest.mark.parametrize("start", ["", "://", "bearer "])
@pytest.mark.timeout(60)  # a text that is read more than a few times would take minutes
def test_a_long_text_is_read_in_one_go(start, piece):
    text = start + piece * 200_000

    assert scrub(f"{text} sk_live_a1b2c3d4").endswith("[redacted]")


def test_a_traceback_of_a_group_keeps_its_places():
    group = caught(BaseExceptionGroup("two", [caught(ValueError("canary")), caught(KeyError("canary"))]))

    stripped = strip("".join(traceback.format_exception(group)))

    assert stripped.count("in caught") == 3
    assert "canary" not in stripped

"""What has no JSON form: a 500, and a log line that names function, field and cure."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.app import Caller, Compose

ODD = '''"""Answers that cannot be written."""

import sys
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

from runtime import Event, Function

config = Function(public=True)


def borrowed(module: str, name: str) -> Any:
    """Make an object of a class that says it is of another library."""
    return type(name, (), {"__module__": module})()


async def level() -> float:
    return 0.5


class Odd(Event, tag="odd"):
    level: Any


async def get(how: str) -> Any:
    """Answer."""
    return {
        "await": lambda: level(),
        "nested": lambda: {"rows": [1, level()]},
        "numpy": lambda: [borrowed("numpy", "int64")],
        "pandas": lambda: {"frame": borrowed("pandas.core.frame", "DataFrame")},
        "pydantic": lambda: borrowed("pydantic.main", "BaseModel"),
        "object": lambda: [[object()]],
        "surrogate": lambda: ["\\ud800"],
    }[how]()


async def post() -> float:
    """Forget to wait."""
    return level()


async def put() -> AsyncIterator[Odd]:
    """Forget to wait in an event."""
    yield Odd(level=level())
'''


LATE = """
from collections.abc import AsyncIterator
from typing import Any

from msgspec import Struct

from runtime import Csv, Event, Function, Redirect, Reply

config = Function(public=True)


class Row(Struct):
    level: float


async def level() -> float:
    return 0.5


async def get() -> {annotation}:
    return {returned}
"""


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    (tmp_path / "odd.py").write_text(ODD)
    async with compose(tmp_path) as caller:
        yield caller


@pytest.mark.parametrize(
    ("how", "field", "cure"),
    [
        ("await", "the whole value", "Write `await`"),
        ("nested", "*.1", "Write `await`"),
        ("numpy", "0", "`.tolist()`"),
        ("pandas", "*", '`.to_dict("records")`'),
        ("pydantic", "the whole value", "`.model_dump()`"),
        ("object", "0.0", "Return a struct"),
        ("surrogate", "0", "Return a struct"),
    ],
)
async def test_a_value_without_a_json_form_is_named_with_its_function_its_field_and_the_cure(
    service: Caller, caplog: pytest.LogCaptureFixture, how: str, field: str, cure: str
):
    answer = await service.anonymous("GET", "/odd", params={"how": how})
    (line,) = [record for record in caplog.records if record.name == "runtime.http.errors"]

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert line.levelno == logging.ERROR
    assert line.getMessage().startswith("odd.py, line ")
    assert f": get returned a value that does not fit its annotation: {field}: " in line.getMessage()
    assert cure in line.getMessage()


async def test_a_forgotten_await_is_named_where_the_annotation_says_what_it_should_be(
    service: Caller, caplog: pytest.LogCaptureFixture
):
    answer = await service.anonymous("POST", "/odd")

    assert answer.status_code == 500
    assert "Expected `float`, got `coroutine`. Write `await` before the call" in caplog.text


@pytest.mark.parametrize(
    ("annotation", "returned", "told"),
    [
        ("int", "level()", "Expected `int`, got `coroutine`."),
        ("None", "level()", "Expected `None`, got `coroutine`."),
        ("Row", "Row(level())", "level: Expected `float`, got `coroutine`."),
        ("dict[str, float]", '{"a": level()}', "*: Expected `float`, got `coroutine`."),
        ("list[float | None]", "[level()]", "0: Expected `float`, got `coroutine`."),
        ("Reply[float]", "Reply(level())", "Expected `float`, got `coroutine`."),
        ("Reply[None]", "Reply(level())", "Expected `None`, got `coroutine`."),
        ("Csv", "level()", "Expected `Csv`, got `coroutine`."),
        ("Redirect", "level()", "Expected `Redirect`, got `coroutine`."),
        ("Csv", "Csv(level())", "A Csv cannot be made of `coroutine`: write `await` before the call"),
        ("Any", "[level()]", "`coroutine` has no JSON form."),
        ("AsyncIterator[Event]", "level()", "Expected an iterator of events, got `coroutine`."),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine")
async def test_a_forgotten_await_is_named_wherever_it_is_missing(
    tmp_path: Path,
    compose: Compose,
    caplog: pytest.LogCaptureFixture,
    annotation: str,
    returned: str,
    told: str,
):
    (tmp_path / "late.py").write_text(LATE.format(annotation=annotation, returned=returned))
    async with compose(tmp_path) as caller:
        answer = await caller.anonymous("GET", "/late")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert told in caplog.text
    assert "rite `await` before the call" in caplog.text


async def test_a_forgotten_await_in_an_event_is_named(service: Caller, caplog: pytest.LogCaptureFixture):
    answer = await service.anonymous("PUT", "/odd")

    assert "internal_error" in answer.text
    assert "odd.py, line " in caplog.text
    assert "Write `await` before the call" in caplog.text

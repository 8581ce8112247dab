"""Shapes that cannot cross are refused, each with its place and its cure."""

from typing import Any

import pytest

from runtime.bridge import shapes
from runtime.routing import discover
from tests.fixtures.constructs import CONSTRUCTS
from tests.fixtures.routing import write_tree

HEAD = """
from datetime import date, datetime
from enum import Enum, IntEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.instant import Instant
"""


def found(tmp_path: Any, body: str) -> list[str]:
    write_tree(tmp_path, {"reading.py": HEAD + body})
    table = discover(tmp_path)
    assert not table.faults
    return [str(fault) for fault in shapes.faults(table.operations)]


@pytest.mark.parametrize(
    ("field", "fault", "cure"),
    [
        ("datetime", "without a time zone", "Use `Instant` from shared.instant."),
        ("list[datetime | None]", "without a time zone", "Use `Instant` from shared.instant."),
        ("Annotated[int, Meta(le=2**60)]", "beyond 2^53", "Send it as `str`"),
        ("Literal[9007199254740993]", "beyond 2^53", "Use a string."),
        ("dict[int, str]", "keys are not strings", "Use `dict[str, ...]`"),
        ("dict[Literal[1, 2], str]", "keys are not strings", "Use `dict[str, ...]`"),
    ],
)
def test_a_field_that_cannot_cross_is_refused_by_name(tmp_path, field, fault, cure):
    body = f"""
class Reading(Struct):
    symbol: str
    value: {field}


async def get() -> Reading:
    raise NotImplementedError
"""
    (only,) = found(tmp_path, body)
    assert only.startswith("reading.py:")
    assert "`Reading.value`" in only
    assert fault in only
    assert cure in only


@pytest.mark.parametrize(
    "field",
    [
        "Instant",
        "Annotated[int, Meta(ge=-(2**53), le=2**53)]",
        "int",
        "date",
        "dict[str, int]",
        "dict[Annotated[str, Meta(max_length=5)], int]",
        "dict[date, int]",
        'dict[Literal["a"], int]',
    ],
)
def test_a_field_that_crosses_is_left_alone(tmp_path, field):
    body = f"""
class Reading(Struct):
    value: {field}


async def get() -> Reading:
    raise NotImplementedError
"""
    assert found(tmp_path, body) == []


def test_an_enum_beyond_2_53_and_an_array_like_struct_are_refused(tmp_path):
    body = """
class Size(IntEnum):
    HUGE = 2**60


class Pair(Struct, array_like=True):
    size: Size


async def get() -> Pair:
    raise NotImplementedError
"""
    assert [fault.partition(": ")[2].partition(". ")[0] for fault in found(tmp_path, body)] == [
        "The response of get: Pair is `array_like`: its fields are sent without their names",
        "`Pair.size`: an enum with an integer beyond 2^53, which JavaScript would round",
    ]


def test_a_parameter_is_named_as_it_is_written(tmp_path):
    body = """
async def get(since: datetime) -> None:
    raise NotImplementedError
"""
    (only,) = found(tmp_path, body)
    assert "`since` of get: a datetime without a time zone" in only


def test_every_construct_crosses(tmp_path):
    write_tree(tmp_path, CONSTRUCTS)
    assert shapes.faults(discover(tmp_path).operations) == []


def test_the_runs_of_a_service_with_a_job_cross(tmp_path):
    write_tree(tmp_path, {"mail.py": 'async def job() -> None:\n    """Send it."""\n'})
    assert [str(fault) for fault in shapes.faults(discover(tmp_path).operations)] == []

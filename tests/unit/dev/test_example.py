"""A request body to begin with, for every kind of type."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta, Struct, field

from runtime.dev.page.example import example, type_name


class Regime(Enum):
    RISK_ON = "RISK_ON"
    RISK_OFF = "RISK_OFF"


class Reading(Struct, rename="camel"):
    symbol: Annotated[str, Meta(min_length=1, description="Ticker.")]
    regime: Regime
    value: Decimal
    observed_at: datetime
    day: date
    run: UUID
    confidence: Annotated[float, Meta(ge=0, le=1)]
    window: int
    kind: Literal["ratio", "symbol"]
    note: str | None
    legs: list[str]
    factors: dict[str, float]
    is_final: bool = False
    tags: list[str] = field(default_factory=list)


class Order(Struct):
    reading: Reading


def test_example_fits_the_type_it_was_made_for():
    made = example(Order)

    assert msgspec.convert(made, Order, strict=False).reading.regime is Regime.RISK_ON
    assert list(made["reading"])[3] == "observedAt"


class Node(Struct):
    legs: "list[Node]"


def test_list_begins_with_one_item_and_a_type_within_itself_ends():
    made = example(Node)

    assert made["legs"][0]["legs"] != []
    assert example(list[Node])[0]["legs"]


def test_unknown_type_begins_with_null():
    assert example(Any) is None


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (int, "int"),
        (Regime, "Regime"),
        (Annotated[int, Meta(ge=1)], "int"),
        (list[str], "list[str]"),
        (str | None, "str | None"),
    ],
)
def test_type_is_said_as_a_person_would(annotation, name):
    assert type_name(annotation) == name

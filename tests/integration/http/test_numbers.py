"""Numbers that are none, or that nobody can write out: the caller's mistake, wherever they stand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.app import Caller, Compose

NUMBERS = '''"""Shares of a portfolio."""

from decimal import Decimal

from msgspec import Struct

from runtime import Function

config = Function(public=True)


class Share(Struct, rename="camel"):
    at_most: Decimal
    parts: list[Decimal] = []
    named: dict[str, Decimal | None] = {}
    keyed: dict[Decimal, int] = {}


async def get(share: Decimal, level: float = 0, levels: list[float] = [], shares: list[Decimal] = []) -> int:
    """Use them."""
    return int(share) + int(level) + sum(map(int, levels)) + sum(map(int, shares))


async def post(share: Decimal, data: Share) -> int:
    """Use them."""
    return int(data.at_most)
'''
UNBOUNDED = [
    "NaN",
    "sNaN",
    "-NaN",
    "Infinity",
    "-inf",
    "1e999999999",
    "1e-999999999",
    "0e999999999",
    "9" * 9999,
]


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    (tmp_path / "[share].py").write_text(NUMBERS)
    async with compose(tmp_path) as caller:
        yield caller


async def fields(service: Caller, path: str, **body: object) -> tuple[int, list[tuple[str, str]]]:
    method = "POST" if body else "GET"
    answer = await service.anonymous(method, path, **({"json": body} if body else {}))
    problem = answer.json()
    errors = problem.get("errors", []) if isinstance(problem, dict) else []
    return answer.status_code, [(error["location"], error["field"]) for error in errors]


@pytest.mark.parametrize("number", [number for number in UNBOUNDED if len(number) < 2000])
async def test_a_path_value_is_finite_and_bounded(service: Caller, number: str):
    assert await fields(service, f"/{number}") == (400, [("path", "share")])


@pytest.mark.parametrize("number", UNBOUNDED[:5])
async def test_a_float_of_the_query_is_finite(service: Caller, number: str):
    told = await fields(service, f"/1?level={number}&levels=1&levels={number}")

    assert told[0] == 400
    assert {field.partition(".")[0] for _, field in told[1]} == {"level", "levels"}


@pytest.mark.parametrize("number", [number for number in UNBOUNDED if len(number) < 2000])
async def test_a_decimal_of_the_query_is_finite_and_bounded(service: Caller, number: str):
    assert await fields(service, f"/1?shares=1&shares={number}") == (400, [("query", "shares.1")])


@pytest.mark.parametrize("number", UNBOUNDED)
async def test_every_decimal_of_a_body_is_finite_and_bounded_by_the_name_that_the_caller_gave(
    service: Caller, number: str
):
    told = await fields(
        service,
        "/1",
        atMost=number,
        parts=["1", number],
        named={"SPY": number, "TLT": None},
        keyed={} if number == "sNaN" else {number: 1},
    )

    places = [("body", "atMost"), ("body", "parts.1"), ("body", "named.SPY"), ("body", "keyed.*")]
    assert told == (400, places[:3] if number == "sNaN" else places)


async def test_a_signalling_nan_as_a_key_is_the_callers_mistake(service: Caller):
    assert (await fields(service, "/1", atMost="1", keyed={"sNaN": 1}))[0] == 400


async def test_a_decimal_that_is_written_as_a_number_is_bounded_too(service: Caller):
    json = {"Content-Type": "application/json"}
    answer = await service.anonymous("POST", "/1", content=b'{"atMost": 1e999999999}', headers=json)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "atMost")


@pytest.mark.parametrize("number", ["0", "-1.50", "1e30", "123456789012345678901234567890.123456789"])
async def test_ordinary_numbers_are_taken(service: Caller, number: str):
    assert (await fields(service, f"/{number}?level=1e300"))[0] == 200
    assert (await fields(service, "/1", atMost=number))[0] == 200

"""Every golden vector, by the Python implementations; `client/tests/vectors.test.ts` runs the same ones."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.cursor import decode_cursor, encode_cursor
from shared.errors import Invalid
from shared.rounding import round_decimal, round_ratio

FOLDER = Path(__file__).parents[2] / "contracts" / "vectors"


CALLS: dict[str, dict[str, Callable[..., Any]]] = {
    "rounding": {
        "roundRatio": lambda **given: f"{round_ratio(**given):f}",
        "roundDecimal": lambda **given: f"{round_decimal(**given):f}",
    },
    "cursor": {"encode": encode_cursor, "decode": decode_cursor},
}


def vectors(calls):
    for subject in calls:
        for vector in json.loads((FOLDER / f"{subject}.json").read_text())["cases"]:
            yield pytest.param(calls[subject], vector, id=f"{subject}: {vector['name']}")


@pytest.mark.parametrize(("calls", "vector"), list(vectors(CALLS)))
def test_vector(calls, vector):
    judge(calls[vector["call"]], vector)


def judge(call, vector):
    if vector.get("refused"):
        with pytest.raises((ValueError, Invalid)):
            call(**vector["input"])
    else:
        assert call(**vector["input"]) == vector["expected"]


def test_every_file_fits_the_schema_of_vectors_and_has_refusals():
    schema = Draft202012Validator(json.loads((FOLDER / "schema.json").read_text()))
    for path in FOLDER.glob("*.json"):
        if path.name != "schema.json":
            vectors = json.loads(path.read_text())
            schema.validate(vectors)
            assert any(vector.get("refused") for vector in vectors["cases"]), path.name


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=20), max_size=4))
def test_a_cursor_reads_back_as_what_was_written(position):
    assert decode_cursor(encode_cursor(position), parts=len(position)) == position


@given(st.text(max_size=60))
def test_a_text_that_is_no_cursor_is_refused_by_name(text):
    with pytest.raises(Invalid) as refusal:
        decode_cursor("1." + text, parts=9)
    assert refusal.value.errors[0].field == "cursor"


@given(st.decimals(-1000, 1000, places=5), st.decimals(1, 1000, places=3), st.integers(0, 8))
def test_rounding_is_never_further_than_half_a_place_from_the_exact_ratio(above, below, places):
    rounded = round_ratio(above, below, places)
    assert abs(rounded * below - above) * 2 <= below * Decimal(1).scaleb(-places)

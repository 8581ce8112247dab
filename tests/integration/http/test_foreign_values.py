"""Values of numpy and pandas in answers, and numbers that JSON does not have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.app import Caller, Compose

FOREIGN = '''"""What a notebook returns."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct

from runtime import Function

config = Function(public=True)
NAN, INF = float("nan"), float("inf")


class Row(Struct):
    symbol: str
    level: float
    count: int = 0
    is_open: bool = True
    seen: datetime | None = None
    weights: list[float] = []


def frame() -> pd.DataFrame:
    rows = {
        "symbol": ["SPY", "TLT"],
        "level": np.array([1.5, NAN]),
        "count": np.array([1, 2], dtype="int32"),
        "seen": pd.to_datetime(["2026-01-02T03:04:05.123456789Z", None]),
    }
    return pd.DataFrame(rows)


async def get(how: str) -> Any:
    """Answer with anything."""
    return {
        "scalars": lambda: [
            np.float64(1.5), np.float32(0.5), np.int64(3), np.uint8(4), np.bool_(True), np.str_("x"),
        ],
        "arrays": lambda: {
            "a": np.array([[1, 2], [3, 4]]), "b": np.array([0.5]), "c": np.array(["x"], dtype=object),
        },
        "moments": lambda: [
            pd.Timestamp("2026-01-02T03:04:05Z"), pd.NaT, pd.NA, np.datetime64("2026-01-02"),
            np.datetime64("2026-01-02T03:04:05", "ns"),
            np.array(["2026-01-02", "NaT"], dtype="datetime64[ns]"),
            pd.Timedelta("90s"),
        ],
        "keys": lambda: {np.str_("a"): 1, np.int64(2): 2},
        "records": lambda: frame().to_dict("records"),
        "missing": lambda: [NAN, {"a": np.float64("nan")}],
        "infinite": lambda: {"rows": [{"level": INF}]},
        "infinite array": lambda: {"rows": np.array([1.0, -INF])},
        "frame": lambda: {"rows": frame()},
        "series": lambda: frame()["level"],
        "complex": lambda: [np.complex128(1)],
    }[how]()


async def post() -> list[Row]:
    """Answer with structs made of what pandas gives."""
    row = {"symbol": np.str_("SPY"), "level": np.float64(1.5), "count": np.int64(2)}
    made = Row("TLT", np.float32(0.5), np.int16(1), seen=pd.Timestamp("2026-01-02T00:00:00Z"))
    return [{**row, "is_open": np.bool_(False), "seen": pd.NaT, "weights": np.array([0.5, 1])}, made]


async def put(how: str) -> dict[str, float | None]:
    """Answer with numbers."""
    levels = {"nan": NAN, "inf": -INF, "numpy": np.float64("nan"), "none": None, "whole": 3}
    return {"a": 1.0, "level": levels[how]}


async def patch(how: str) -> Row:
    """Answer with one struct."""
    return {"level": lambda: Row("SPY", NAN), "weights": lambda: Row("SPY", 1, weights=[0.5, INF])}[how]()
'''


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    async with compose(tmp_path, ANNEX_IMPORT_BUDGET="100") as caller:  # pandas takes its time
        assert caller.application.table.faults == ()
        yield caller


@pytest.mark.parametrize(
    ("how", "sent"),
    [
        ("scalars", [1.5, 0.5, 3, 4, True, "x"]),
        ("arrays", {"a": [[1, 2], [3, 4]], "b": [0.5], "c": ["x"]}),
        (
            "moments",
            [
                *("2026-01-02T03:04:05Z", None, None, "2026-01-02", "2026-01-02T03:04:05"),
                ["2026-01-02T00:00:00", None],
                "PT90S",
            ],
        ),
        ("keys", {"a": 1, "2": 2}),
        (
            "records",
            [
                {"symbol": "SPY", "level": 1.5, "count": 1, "seen": "2026-01-02T03:04:05.123456Z"},
                {"symbol": "TLT", "level": None, "count": 2, "seen": None},
            ],
        ),
        ("missing", [None, {"a": None}]),
    ],
)
async def test_numpy_and_pandas_are_written_as_what_they_stand_for(
    service: Caller, how: str, sent: object
) -> None:
    answer = await service.anonymous("GET", "/foreign", params={"how": how})

    assert (answer.status_code, answer.json()) == (200, sent)


async def test_they_fit_what_the_annotation_says(service: Caller) -> None:
    answer = await service.anonymous("POST", "/foreign")

    assert [[*row.values()] for row in answer.json()] == [
        ["SPY", 1.5, 2, False, None, [0.5, 1.0]],
        ["TLT", 0.5, 1, True, "2026-01-02T00:00:00Z", []],
    ]


@pytest.mark.parametrize(
    ("method", "how", "place"),
    [
        ("GET", "infinite", "*.0.*"),
        ("GET", "infinite array", "*.1"),
        ("PUT", "nan", "*"),
        ("PUT", "inf", "*"),
        ("PUT", "numpy", "*"),
        ("PATCH", "level", "level"),
        ("PATCH", "weights", "weights.1"),
    ],
)
async def test_a_number_that_json_does_not_have_is_a_500_that_names_function_field_and_cure(
    service: Caller, caplog: pytest.LogCaptureFixture, method: str, how: str, place: str
) -> None:
    answer = await service.anonymous(method, "/foreign", params={"how": how})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert f": {method.lower()} returned a value that does not fit its annotation: {place}: " in caplog.text
    assert "Expected a finite number. Send None in its place" in caplog.text


@pytest.mark.parametrize(("how", "level"), [("none", None), ("whole", 3)])
async def test_none_and_whole_numbers_still_fit_a_number(service: Caller, how: str, level: object) -> None:
    answer = await service.anonymous("PUT", "/foreign", params={"how": how})

    assert answer.json() == {"a": 1.0, "level": level}


@pytest.mark.parametrize(
    ("how", "place", "cure"),
    [
        ("frame", "*", 'Call `.to_dict("records")` on a frame'),
        ("series", "the whole value", "`.tolist()` on a series"),
        ("complex", "0", "Call `.tolist()`"),
    ],
)
async def test_what_has_no_json_form_is_named_with_its_cure(
    service: Caller, caplog: pytest.LogCaptureFixture, how: str, place: str, cure: str
) -> None:
    answer = await service.anonymous("GET", "/foreign", params={"how": how})

    assert answer.status_code == 500
    assert f"annotation: {place}: " in caplog.text
    assert cure in caplog.text

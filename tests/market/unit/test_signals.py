"""What may be recorded as a signal, and what is refused before it reaches the database."""

from typing import Any

import msgspec
import pytest

from shared.market.signals import NewSignal

GOOD: dict[str, Any] = {
    "symbol": "HYG-LQD",
    "regime": "RISK_ON",
    "value": "0.731250",
    "confidence": 0.8,
    "observedAt": "2026-11-03T21:00:00Z",
    "factors": {"zscore": 1.25},
}


def read(**changes: Any) -> NewSignal:
    return msgspec.json.decode(msgspec.json.encode({**GOOD, **changes}), type=NewSignal)


def test_a_signal_is_read_with_its_value_exact():
    assert str(read().value) == "0.731250"


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "hyg/lqd"},
        {"symbol": ""},
        {"symbol": "A" * 33},
        {"regime": "PANIC"},
        {"value": "NaN"},
        {"value": "Infinity"},
        {"value": "1000000000000"},
        {"confidence": 1.01},
        {"confidence": -0.1},
        {"observedAt": "2026-11-03T21:00:00"},
        {"factors": {"x" * 65: 1.0}},
        {"factors": {str(number): 1.0 for number in range(33)}},
        {"note": "unknown"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_table_could_not_hold_is_refused(change: dict[str, Any]):
    with pytest.raises(msgspec.ValidationError):
        read(**change)

"""The readings of the example app, through the same SQL that the functions use."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from shared.database import Database
from shared.errors import Conflict, Invalid, NotFound
from shared.market.regime import assess, readings
from shared.market.signals import (
    NewSignal,
    Regime,
    Signal,
    delete_signals,
    latest_signal,
    list_signals,
    record_signal,
    signal_history,
)

NEW = NewSignal(
    symbol="HYG-LQD",
    regime=Regime.RISK_ON,
    value=Decimal("0.731250"),
    confidence=0.8,
    observed_at=datetime(2026, 11, 3, 21, tzinfo=UTC),
    factors={"zscore": 1.25},
)


async def test_a_recorded_signal_is_the_latest_of_its_symbol_and_says_who_recorded_it(database: Database):
    recorded = await record_signal(database, NEW, "user_1")

    assert await latest_signal(database, "HYG-LQD") == recorded
    assert (recorded.value, recorded.factors, recorded.created_by) == (NEW.value, NEW.factors, "user_1")


async def test_a_second_reading_at_the_same_moment_is_a_conflict(database: Database):
    await record_signal(database, NEW, "user_1")

    with pytest.raises(Conflict, match="HYG-LQD has a reading at that moment already"):
        await record_signal(database, NEW, "user_2")


async def test_a_reading_of_an_unknown_instrument_is_not_found(database: Database):
    with pytest.raises(NotFound, match='Instrument "GME" was not found'):
        await record_signal(database, msgspec.structs.replace(NEW, symbol="GME"), "user_1")


async def test_pages_walk_every_signal_once_newest_first(database: Database):
    seen: list[Signal] = []
    cursor = None
    while True:
        page = await list_signals(database, symbol="SPY", limit=7, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break

    assert len(seen) == len({signal.id for signal in seen}) == 40
    assert [signal.observed_at for signal in seen] == sorted((s.observed_at for s in seen), reverse=True)


async def test_a_page_stays_where_it_was_while_new_signals_are_recorded(database: Database):
    first = await list_signals(database, limit=5)
    await record_signal(database, NEW, "user_1")
    second = await list_signals(database, limit=5, cursor=first.next_cursor)

    assert not {signal.id for signal in first.items} & {signal.id for signal in second.items}
    assert NEW.observed_at not in {signal.observed_at for signal in second.items}


async def test_filters_by_symbol_regime_and_time_narrow_together(database: Database):
    since = datetime(2026, 10, 1, tzinfo=UTC)

    page = await list_signals(database, symbol="VIX", regime=Regime.RISK_OFF, since=since, limit=200)

    assert page.items
    assert {(s.symbol, s.regime, s.observed_at >= since) for s in page.items} == {("VIX", "RISK_OFF", True)}


@pytest.mark.parametrize("cursor", ["x", "bm90IGpzb24", "W10", "é"])
async def test_a_cursor_that_is_not_ours_is_invalid_and_named(database: Database, cursor: str):
    with pytest.raises(Invalid) as refused:
        await list_signals(database, cursor=cursor)

    assert [error.field for error in refused.value.errors] == ["cursor"]


@pytest.mark.parametrize("limit", [0, 201, -1])
async def test_a_page_is_of_one_row_to_two_hundred(database: Database, limit: int):
    with pytest.raises(Invalid) as refused:
        await list_signals(database, limit=limit)

    assert [error.field for error in refused.value.errors] == ["limit"]


async def test_history_is_a_half_open_range_oldest_first(database: Database):
    start, end = datetime(2026, 9, 7, 20, tzinfo=UTC), datetime(2026, 9, 11, 20, tzinfo=UTC)

    points = await signal_history(database, "COPPER-GOLD", start, end)

    assert [point.observed_at.day for point in points] == [7, 8, 9, 10]


async def test_deleting_counts_what_was_there_and_touches_nothing_else(database: Database):
    assert await delete_signals(database, "DXY") == 40
    assert await delete_signals(database, "DXY") == 0
    assert await latest_signal(database, "SPY") is not None


async def test_times_leave_as_utc_and_decimals_as_text(database: Database):
    recorded = await record_signal(database, NEW, None)

    wire = msgspec.json.decode(msgspec.json.encode(recorded))

    assert wire["value"] == "0.731250"
    assert wire["observedAt"] == "2026-11-03T21:00:00Z"
    assert recorded.created_at.utcoffset() == datetime.now(UTC).utcoffset()


async def test_the_regime_is_judged_from_the_readings_of_every_instrument(database: Database):
    report = assess(await readings(database.read_only(), window=20))

    assert len(report.votes) == 12
    assert report.as_of == datetime(2026, 10, 23, 20, tzinfo=UTC)
    assert sum(vote.weight for vote in report.votes) == pytest.approx(1, abs=0.001)

"""Which slots of a schedule are due: one a moment, also on the days when the clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from runtime.work.worker.schedules import slots

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def fired(cron: str, zone: ZoneInfo, begin: str, end: str) -> list[str]:
    """Return every slot that a worker fires which looks each minute."""
    found: list[float] = []
    now = at(begin)
    while now < at(end):
        slot, _ = slots(cron, zone, now + 1, 600)
        if slot and (not found or slot > found[-1]):
            found.append(slot)
        now += 60
    return [datetime.fromtimestamp(each, UTC).isoformat()[:16] for each in found]


def test_a_weekday_at_seven_is_that_of_its_time_zone_in_summer_and_winter():
    assert slots("0 7 * * 1-5", NEW_YORK, at("2026-07-01T11:00:30"), 600)[0] == at("2026-07-01T11:00")
    assert slots("0 7 * * 1-5", NEW_YORK, at("2026-12-01T12:00:30"), 600)[0] == at("2026-12-01T12:00")


def test_a_time_that_the_clocks_skip_fires_once():
    assert len(fired("30 2 * * *", NEW_YORK, "2026-03-08T05:00", "2026-03-08T12:00")) == 1


def test_a_time_that_comes_twice_fires_once():
    assert len(fired("30 1 * * *", NEW_YORK, "2026-11-01T04:00", "2026-11-01T10:00")) == 1


def test_every_quarter_of_an_hour_goes_on_while_the_clocks_change():
    for begin, end in (("2026-03-08T05:01", "2026-03-08T09:01"), ("2026-11-01T04:01", "2026-11-01T08:01")):
        assert len(fired("*/15 * * * *", NEW_YORK, begin, end)) == 16 + 1


def test_of_the_slots_that_were_missed_the_latest_counts_within_catch_up():
    assert slots("*/5 * * * *", ZoneInfo("UTC"), at("2026-01-01T10:13"), 900)[0] == at("2026-01-01T10:10")


@pytest.mark.parametrize(("catch_up", "slot"), [(3600.0, "2026-01-01T10:00"), (600.0, None)])
def test_a_slot_beyond_catch_up_is_gone(catch_up: float, slot: str | None):
    found, _ = slots("0 10 * * *", ZoneInfo("UTC"), at("2026-01-01T10:30"), catch_up)
    assert found == (at(slot) if slot else 0)

"""The signals: list, record, latest, delete, history."""

from typing import Any

import pytest

from tests.fixtures.app import Caller, permitted

WRITER = permitted("org:signals:write", "org:signals:delete")

READING = {
    "symbol": "SPY",
    "regime": "RISK_OFF",
    "value": "612.250000",
    "confidence": 0.71,
    "factors": {"zscore": -1.2},
    "observedAt": "2026-11-20T21:00:00Z",
}


async def test_the_list_is_newest_first_and_paged_without_gaps(caller: Caller):
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        page = (await caller.signed("GET", "/signals", params={"limit": 7, **cursor})).json()
        seen += page["items"]
        cursor = {"cursor": page["nextCursor"]}
    whole = (await caller.signed("GET", "/signals", params={"limit": 28})).json()["items"]
    assert seen == whole
    observed = [item["observedAt"] for item in seen]
    assert observed == sorted(observed, reverse=True)


async def test_the_list_is_filtered_by_symbol_regime_and_time(caller: Caller):
    filters = {"symbol": "SPY", "regime": "RISK_ON", "since": "2026-10-01T00:00:00Z"}
    items = (await caller.signed("GET", "/signals", params=filters)).json()["items"]
    assert items
    assert {(item["symbol"], item["regime"]) for item in items} == {("SPY", "RISK_ON")}
    assert min(item["observedAt"] for item in items) >= "2026-10-01"


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"regime": "BULL"}, "regime"),
        ({"cursor": "%%%"}, "cursor"),
    ],
)
async def test_a_bad_filter_is_400_and_names_the_field(caller: Caller, filters: dict[str, str], field: str):
    response = await caller.signed("GET", "/signals", params=filters)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_every_bad_filter_is_told_at_once(caller: Caller):
    response = await caller.signed(
        "GET", "/signals", params={"limit": "0", "regime": "BULL", "since": "then"}
    )
    assert {error["field"] for error in response.json()["errors"]} == {"limit", "regime", "since"}


async def test_a_recorded_reading_is_the_newest_one(caller: Caller):
    created = await caller.signed("POST", "/signals", claims=WRITER, json=READING)
    latest = await caller.signed("GET", "/signals/SPY")
    assert created.status_code == 201
    assert created.json()["createdBy"] == "user_ada"
    assert latest.json() == created.json()


async def test_recording_needs_the_permission(caller: Caller):
    response = await caller.signed("POST", "/signals", json=READING)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


async def test_every_bad_field_of_a_reading_is_told_at_once(caller: Caller):
    bad = READING | {"regime": "BULL", "confidence": 2, "observedAt": "2026-11-20T21:00:00"}
    response = await caller.signed("POST", "/signals", claims=WRITER, json=bad)
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {"regime", "confidence", "observedAt"}


async def test_a_reading_that_is_not_json_is_415(caller: Caller):
    response = await caller.signed(
        "POST", "/signals", claims=WRITER, content=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert response.status_code == 415


async def test_the_same_reading_twice_is_a_conflict(caller: Caller):
    await caller.signed("POST", "/signals", claims=WRITER, json=READING)
    again = await caller.signed("POST", "/signals", claims=WRITER, json=READING)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_an_unknown_symbol_is_404(caller: Caller):
    response = await caller.signed("GET", "/signals/NOPE")
    assert (response.status_code, response.json()["detail"]) == (404, 'Signal "NOPE" was not found.')


async def test_deleting_a_symbols_readings_needs_the_permission_and_leaves_none(caller: Caller):
    refused = await caller.signed("DELETE", "/signals/SPY", claims=permitted("org:signals:write"))
    deleted = await caller.signed("DELETE", "/signals/SPY", claims=WRITER)
    after = await caller.signed("GET", "/signals/SPY")
    again = await caller.signed("DELETE", "/signals/SPY", claims=WRITER)
    assert [r.status_code for r in (refused, deleted, after, again)] == [403, 204, 404, 404]


async def test_the_history_holds_both_days_of_its_range(caller: Caller):
    days = {"start": "2026-10-20", "end": "2026-10-21"}
    points = (await caller.signed("GET", "/signals/SPY/history", params=days)).json()
    assert [point["observedAt"][:10] for point in points] == ["2026-10-20", "2026-10-21"]


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [("2026-02-01", "2026-01-01", "before"), ("2020-01-01", "2026-01-01", "366 days")],
)
async def test_a_range_that_makes_no_sense_is_400(caller: Caller, start: str, end: str, told: str):
    response = await caller.signed("GET", "/signals/SPY/history", params={"start": start, "end": end})
    assert response.status_code == 400
    assert told in response.json()["detail"]


async def test_a_range_without_an_end_names_what_is_missing(caller: Caller):
    response = await caller.signed("GET", "/signals/SPY/history", params={"start": "2026-01-01"})
    assert [(e["location"], e["field"]) for e in response.json()["errors"]] == [("query", "end")]

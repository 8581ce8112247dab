"""`GET /reports/regime`: a computation in a plain function."""

import asyncio

from tests.fixtures.app import Caller


async def test_the_report_weighs_every_instrument_with_enough_readings(caller: Caller):
    report = (await caller.signed("GET", "/reports/regime")).json()
    assert report["regime"] in {"RISK_ON", "RISK_OFF", "NEUTRAL"}
    assert abs(sum(vote["weight"] for vote in report["votes"]) - 1) < 0.01
    assert report["leftOut"] == []


async def test_the_report_of_an_earlier_day_knows_nothing_later(caller: Caller):
    report = (await caller.signed("GET", "/reports/regime", params={"as_of": "2026-10-01T00:00:00Z"})).json()
    assert report["asOf"] < "2026-10-01"


async def test_reports_do_not_hold_up_other_calls(caller: Caller):
    reports = [asyncio.create_task(caller.signed("GET", "/reports/regime")) for _ in range(8)]
    quick = await caller.anonymous("GET", "/")
    assert quick.status_code == 200
    assert {(await report).status_code for report in reports} == {200}

"""A moment in a query says where it is."""

import pytest

from tests.fixtures.app import Caller


@pytest.mark.parametrize("path", ["/signals?since=", "/reports/regime?as_of="])
async def test_a_moment_without_a_time_zone_is_refused_by_name(caller: Caller, path: str):
    response = await caller.signed("GET", f"{path}2026-01-01T00:00:00")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == path.partition("?")[2].rstrip("=")


@pytest.mark.parametrize("path", ["/signals?since=", "/reports/regime?as_of="])
async def test_a_moment_with_any_time_zone_is_accepted(caller: Caller, path: str):
    response = await caller.signed("GET", f"{path}2026-01-01T00:00:00%2B02:00")
    assert response.status_code == 200

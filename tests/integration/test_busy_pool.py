"""A pool whose every connection is taken, seen from outside."""

from tests.fixtures.app import Caller, Compose


async def test_a_busy_pool_is_503_inside_its_budget_and_costs_only_what_needs_it(
    compose: Compose, database_url: str
):
    narrow = {"DATABASE_POOL_MAX": "1", "DATABASE_ACQUIRE_TIMEOUT": "0.2"}
    async with compose(DATABASE_URL=database_url, **narrow) as caller:
        database = caller.application.database
        async with database.transaction() as held:
            await held.execute("SELECT 1")
            refused = await caller.signed("GET", "/samples/NORTH")
            other = await caller.signed("GET", "/me")
        after = await _latest(caller)
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert refused.headers["retry-after"] == "1"
    assert (other.status_code, after) == (200, "NORTH")


async def _latest(caller: Caller) -> str:
    symbol: str = (await caller.signed("GET", "/samples/NORTH")).json()["symbol"]
    return symbol

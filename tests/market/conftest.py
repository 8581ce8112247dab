"""The example: its functions in the place of the sample service's, on a database of its own schema."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from runtime.dev.postgres.seed import seed
from tests.fixtures.app import Caller as AppCaller
from tests.fixtures.app import Compose
from tests.fixtures.postgres import Postgres
from tests.fixtures.routing import Caller as RouteCaller
from tests.fixtures.service import ROOT

SEED = sorted((ROOT / "shared" / "market" / "seed").glob("*.sql"))


@pytest.fixture(scope="session")
def database_template(postgres: Postgres) -> str:
    """The example's database."""
    asyncio.run(seed(postgres.socket_url(), SEED, database="market"))
    return "market"


@pytest.fixture
async def caller(compose: Compose, database_url: str) -> AsyncIterator[AppCaller]:
    """The example's functions on this test's own database."""
    async with compose(ROOT / "functions", DATABASE_URL=database_url) as running:
        yield running


@pytest.fixture(scope="session")
def functions() -> RouteCaller:
    """The example's functions."""
    return RouteCaller.of(ROOT / "functions")

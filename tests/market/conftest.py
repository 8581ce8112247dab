"""The example: its functions in the place of the sample service's, on a database of its own schema."""

import asyncio
from pathlib import Path

import pytest

from runtime.dev.postgres.seed import seed
from tests.fixtures.postgres import Postgres
from tests.fixtures.service import ROOT

SEED = sorted((ROOT / "shared" / "market" / "seed").glob("*.sql"))


@pytest.fixture(scope="session")
def database_template(postgres: Postgres) -> str:
    """The example's database."""
    asyncio.run(seed(postgres.socket_url(), SEED, database="market"))
    return "market"


@pytest.fixture(scope="session")
def served_functions() -> Path:
    """The example's functions."""
    return ROOT / "functions"

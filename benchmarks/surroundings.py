"""What every measured server is given: the settings of production, a session's issuer, a database that is seeded."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cases import ORIGIN
from runtime.dev.postgres import EmbeddedPostgres, embedded
from runtime.dev.postgres.seed import DATABASE, ROLE, seed
from tests.fixtures.clerk import Issuer
from tests.fixtures.postgres import SEED, memory_folder

SERVER_CORE, LOAD_CORE = 0, 1


def settings(issuer: Issuer, database_url: str, collector: str) -> dict[str, str]:
    """Return the environment of ours, and of the stack, with everything on.

    Only the pause that a new deployment needs to take over is left out: nobody waits for it here.
    """
    return {
        "ANNEX_ENV": "production",
        "ANNEX_DRAIN_DELAY": "0",
        "CLERK_JWT_KEY": issuer.pem,
        "CORS_ORIGINS": ORIGIN,
        "DATABASE_URL": database_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "HOST": "127.0.0.1",
    }


@contextlib.contextmanager
def database() -> Iterator[tuple[EmbeddedPostgres, str]]:
    """Run a seeded server; return it, and the URL that a service gets.

    The data lies in memory and is not synced: no disk is measured.
    """
    with (
        tempfile.TemporaryDirectory(dir=memory_folder(), prefix="annex-bench-") as folder,
        embedded(Path(folder), settings={"fsync": "off"}) as postgres,
    ):
        password = (postgres.folder / "password").read_text("utf-8")
        asyncio.run(seed(postgres.socket_url(), SEED, password=password))
        yield postgres, postgres.url(DATABASE, ROLE, password)

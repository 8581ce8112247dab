"""Fixtures live in `tests/fixtures/`, a file for each subject; here they are only listed."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A file that others import comes before them, or pytest could not rewrite its assertions.
pytest_plugins: list[str] = [
    "tests.fixtures.clerk",
    "tests.fixtures.agents",
    "tests.fixtures.anthropic_server",
    "tests.fixtures.app",
    "tests.fixtures.durations",
    "tests.fixtures.browser",
    "tests.fixtures.figures",
    "tests.fixtures.gate",
    "tests.fixtures.nginx",
    "tests.fixtures.fronts",
    "tests.fixtures.hangs",
    "tests.fixtures.node",
    "tests.fixtures.postgres",
    "tests.fixtures.faults",
    "tests.fixtures.pgbouncer",
    "tests.fixtures.routing",
    "tests.fixtures.sentry",
    "tests.fixtures.telemetry",
    "tests.fixtures.tls",
    "tests.fixtures.valkey",
    "tests.fixtures.wheel",
]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Logging belongs to the process, and some libraries set it up; the next test must not inherit that."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


# Timing says something about the machine, which is shared, and nothing about the code.
settings.register_profile("annex", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("annex")

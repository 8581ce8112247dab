"""The pytest plugin of the product: fixtures for tests of a service's functions.

pytest loads it in every run of an environment that has the product, so it imports nothing before a test asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from runtime.auth.clerk import DevelopmentIssuer
    from runtime.dev.postgres import EmbeddedPostgres
    from runtime.settings import Settings
    from runtime.testing.database import ServiceDatabase
    from runtime.testing.loop import LoopThread
    from runtime.testing.model import ModelServer
    from runtime.testing.service import Service


@pytest.fixture
def annex_environment() -> Mapping[str, str]:
    """The variables that the service under test is given; replace it by a fixture of your own."""
    return {}


@pytest.fixture
def service(
    annex_loop: LoopThread,
    annex_issuer: DevelopmentIssuer,
    annex_environment: Mapping[str, str],
    spans: InMemorySpanExporter,
    request: pytest.FixtureRequest,
) -> Iterator[Service]:
    """The running service, on a database of this test's own where it has SQL files or the test takes one."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    from runtime.dev.postgres.seed import seed_files
    from runtime.testing.service import Service, public_pem

    environment = {"ANNEX_ENV": "test", "CLERK_JWT_KEY": public_pem(annex_issuer)}
    if "model" in request.fixturenames:
        model: ModelServer = request.getfixturevalue("model")
        environment |= {"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": model.url}
    settings = _settings(request.config, annex_environment)
    if "database" in request.fixturenames or (settings.database.url is None and seed_files(settings)):
        environment["DATABASE_URL"] = request.getfixturevalue("database").url
    settings = _settings(request.config, {**environment, **annex_environment})
    with Service(settings, annex_issuer, annex_loop, SimpleSpanProcessor(spans)) as running:
        yield running


@pytest.fixture
def database(annex_postgres: EmbeddedPostgres, annex_loop: LoopThread) -> Iterator[ServiceDatabase]:
    """A database of this test's own, filled from the service's SQL files."""
    from runtime.testing.database import copy

    with copy(annex_postgres, annex_loop) as made:
        yield made


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """The spans of this test's requests: `spans.get_finished_spans()`."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    return InMemorySpanExporter()


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """The model that agents call: `model.script(says("Yes."))`."""
    from runtime.testing.model import ModelServer

    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def annex_loop() -> Iterator[LoopThread]:
    """The loop on which the service runs."""
    from runtime.testing.loop import LoopThread

    with LoopThread() as loop:
        yield loop


@pytest.fixture(scope="session")
def annex_issuer() -> DevelopmentIssuer:
    """Signs the sessions of callers."""
    from runtime.auth.clerk import DevelopmentIssuer

    return DevelopmentIssuer()


@pytest.fixture(scope="session")
def annex_postgres(annex_loop: LoopThread, pytestconfig: pytest.Config) -> Iterator[EmbeddedPostgres]:
    """The server, started for the first test that needs it."""
    from runtime.dev.postgres.seed import seed_files
    from runtime.testing.database import server

    with server(seed_files(_settings(pytestconfig, {})), annex_loop) as running:
        yield running


def _settings(config: pytest.Config, environment: Mapping[str, str]) -> Settings:
    from runtime.settings import load, open_project

    settings = load({"ANNEX_FUNCTIONS": str(config.rootpath / "functions"), **environment})
    open_project(settings.functions)
    return settings

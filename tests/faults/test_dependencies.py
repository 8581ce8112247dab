"""A dependency that is away: at the start, under load, and back again without a restart."""

import asyncio
import socket
import time
from pathlib import Path

import httpx
import pytest

from runtime.dev.postgres import EmbeddedPostgres
from runtime.dev.postgres.seed import DATABASE, ROLE
from tests.fixtures.clerk import Issuer, JwksServer
from tests.fixtures.figures import Figure
from tests.fixtures.production import ORIGIN, environment, functions_of, percentile, served

pytestmark = pytest.mark.timeout(600)

PATIENCE = 30  # seconds for the service to notice


async def ready(http: httpx.AsyncClient, status: int) -> float:
    """Return how long it took until readiness was `status`."""
    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        while (await http.get("/health/ready")).status_code != status:  # noqa: ASYNC110  # asked from outside
            await asyncio.sleep(0.05)
    return time.perf_counter() - began


async def test_a_database_that_is_away_costs_only_what_needs_it_and_comes_back_by_itself(
    tmp_path: Path, issuer: Issuer, mortal_postgres: EmbeddedPostgres, figure: Figure
):
    url = mortal_postgres.socket_url(DATABASE, ROLE)
    await asyncio.to_thread(mortal_postgres.stop)
    settings = environment(issuer, url, functions_of(tmp_path, {}, "samples", "me.py"))
    signed = {"Authorization": f"Bearer {issuer.token()}", "Origin": ORIGIN}
    async with (
        served(tmp_path, settings) as service,
        httpx.AsyncClient(base_url=service.url, timeout=20, headers=signed) as http,
    ):
        await ready(http, 503)
        began = time.perf_counter()
        down = await http.get("/samples/NORTH")
        figure("503 after", f"{time.perf_counter() - began:.2f} s")
        assert (await http.get("/me")).status_code == 200
        await asyncio.to_thread(mortal_postgres.start)
        figure("ready again after", f"{await ready(http, 200):.1f} s")
        back = await http.get("/samples/NORTH")
        log = service.log
    assert (down.status_code, down.json()["code"]) == (503, "database_unavailable")
    assert down.headers["retry-after"]
    assert down.headers["access-control-allow-origin"] == ORIGIN
    assert back.status_code == 200
    assert url not in log
    assert url not in down.text


async def test_keys_that_cannot_be_had_are_503_and_come_back_by_themselves(
    tmp_path: Path, issuer: Issuer, jwks: JwksServer, figure: Figure
):
    jwks.break_down()
    settings = environment(
        issuer,
        "postgresql://app@127.0.0.1:1/app",
        functions_of(tmp_path, {}, "me.py"),
        ANNEX_ENV="test",
        CLERK_JWT_KEY="",
        CLERK_JWKS_URL=jwks.url,
    )
    signed = {"Authorization": f"Bearer {issuer.token()}"}
    async with (
        served(tmp_path, settings) as service,
        httpx.AsyncClient(base_url=service.url, timeout=20) as http,
    ):
        down = await http.get("/me", headers=signed)
        nobody = await http.get("/me")
        jwks.serve(issuer)
        began = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            while (back := await http.get("/me", headers=signed)).status_code == 503:  # noqa: ASYNC110  another process has no event
                await asyncio.sleep(0.1)
        figure("verified again after", f"{time.perf_counter() - began:.1f} s")
    assert (down.status_code, down.json()["code"]) == (503, "auth_unavailable")
    assert nobody.status_code == 401
    assert back.status_code == 200


async def test_a_collector_that_swallows_everything_slows_nobody_down(
    tmp_path: Path, issuer: Issuer, figure: Figure, full: bool
):
    requests = 2_000 if full else 200
    functions = functions_of(tmp_path, {}, "me.py")
    signed = {"Authorization": f"Bearer {issuer.token()}"}

    async def measure(**more: str) -> tuple[list[float], int]:
        settings = environment(issuer, "postgresql://app@127.0.0.1:1/app", functions, **more)
        spent = []
        async with (
            served(tmp_path, settings) as service,
            httpx.AsyncClient(base_url=service.url, timeout=20) as http,
        ):
            for _ in range(requests):
                began = time.perf_counter()
                assert (await http.get("/me", headers=signed)).status_code == 200
                spent.append(time.perf_counter() - began)
            return spent, service.log.count("\n")

    with socket.create_server(("127.0.0.1", 0)) as hole:
        without, _ = await measure()
        endpoint = f"http://127.0.0.1:{hole.getsockname()[1]}"
        with_hole, lines = await measure(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    figure("p99 without and with it", f"{percentile(without, 0.99)}, {percentile(with_hole, 0.99)}")
    figure("log lines", lines)
    assert lines < requests + 50

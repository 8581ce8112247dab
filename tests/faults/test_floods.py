"""Callers that mean no good, or that are slow: what others notice of them."""

import asyncio
import secrets
import time
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer, JwksServer
from tests.fixtures.figures import Figure
from tests.fixtures.production import SLOW, environment, functions_of, percentile, served

pytestmark = pytest.mark.timeout(600)

NOTE = '''"""A note to the desk."""

from runtime import Function

config = Function(public=True)


async def post(data: dict[str, str]) -> int:
    """Return how many fields it has."""
    return len(data)
'''
NO_DATABASE = "postgresql://app@127.0.0.1:1/app"


async def timed(http: httpx.AsyncClient, path: str, token: str, number: int) -> list[float]:
    """Return how long each of so many good calls took."""
    spent = []
    for _ in range(number):
        began = time.perf_counter()
        answer = await http.get(path, headers={"Authorization": f"Bearer {token}"})
        spent.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.005)
    return spent


async def test_a_flood_of_bad_tokens_fetches_no_keys_and_keeps_nobody_out(
    tmp_path: Path, issuer: Issuer, jwks: JwksServer, figure: Figure, full: bool
):
    functions = functions_of(tmp_path, {}, "me.py")
    alone = {"ANNEX_WORKERS": "1"}  # each fetches keys of its own
    settings = environment(issuer, NO_DATABASE, functions, ANNEX_ENV="test", CLERK_JWT_KEY="", **alone)
    bad = 20_000 if full else 1_000
    refused = 0

    async def flood(http: httpx.AsyncClient, number: int) -> None:
        nonlocal refused
        for _ in range(number):
            token = (
                issuer.token(headers={"kid": secrets.token_hex(4)}) if number % 2 else secrets.token_hex(200)
            )
            answer = await http.get("/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in {401, 503}, answer.text
            refused += 1

    async with (
        served(tmp_path, settings | {"CLERK_JWKS_URL": jwks.url}) as service,
        httpx.AsyncClient(base_url=service.url, timeout=20) as http,
    ):
        quiet = await timed(http, "/me", issuer.token(), 50)
        before = jwks.fetches
        began = time.perf_counter()
        floods = [asyncio.create_task(flood(http, bad // 8 + each % 2)) for each in range(8)]
        during = await timed(http, "/me", issuer.token(), 50)
        await asyncio.gather(*floods)
        seconds = time.perf_counter() - began
        fetched = jwks.fetches - before
        lines = service.log.count("\n")
    figure("bad tokens", refused)
    figure("a second", round(refused / seconds))
    figure("key fetches caused", fetched)
    figure("good callers p95 before and during", f"{percentile(quiet, 0.95)}, {percentile(during, 0.95)}")
    figure("log lines", lines)
    assert fetched <= 10 * (1 + seconds / 30)


async def test_slow_callers_hold_nobody_up(tmp_path: Path, issuer: Issuer, figure: Figure):
    """The others are answered while every slow caller is still waited for: nobody waited for one's end."""
    functions = functions_of(tmp_path, {"note.py": NOTE}, "me.py")
    settings = environment(issuer, NO_DATABASE, functions)
    heads = [
        b"GET /me HT",
        b"POST /note HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        b"",
    ]
    async with (
        served(tmp_path, settings) as service,
        httpx.AsyncClient(base_url=service.url, timeout=20) as http,
    ):
        quiet = await timed(http, "/me", issuer.token(), 50)
        slow = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(300)]
        for number, (_, writer) in enumerate(slow):
            writer.write(heads[number % len(heads)])
        waiting = [asyncio.ensure_future(reader.read()) for reader, _ in slow]
        during = await timed(http, "/me", issuer.token(), 50)
        ended = sum(each.done() for each in waiting)
        for _, writer in slow:
            writer.close()
        await asyncio.gather(*waiting, return_exceptions=True)
    figure("slow connections", len(slow))
    figure("others p95 before and during", f"{percentile(quiet, 0.95)}, {percentile(during, 0.95)}")
    assert ended == 0


async def test_overload_is_shed_with_503_and_over_within_a_second(
    tmp_path: Path, issuer: Issuer, figure: Figure
):
    functions = functions_of(tmp_path, {"slow.py": SLOW})
    settings = environment(issuer, NO_DATABASE, functions, ANNEX_MAX_CONCURRENCY="20")
    limits = httpx.Limits(max_connections=100)
    async with (
        served(tmp_path, settings) as service,
        httpx.AsyncClient(base_url=service.url, timeout=20, limits=limits) as http,
    ):
        # Twenty at once are served in 0.3 s each: sixty at once are three times what there is room for.
        answers = await asyncio.gather(*(http.get("/slow") for _ in range(60)))
        began = time.perf_counter()
        recovered = await http.get("/slow", params={"seconds": 0})
        seconds = time.perf_counter() - began
    shed = [answer for answer in answers if answer.status_code == 503]
    figure("served", len(answers) - len(shed))
    figure("shed", len(shed))
    figure("first good answer after it", f"{seconds * 1000:.0f} ms")
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(a.json()["code"] == "overloaded" and a.headers["retry-after"] == "1" for a in shed)
    assert recovered.status_code == 200

"""A real `annex serve`: the main job from the socket to the database, and its end."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import ORIGIN, environment, functions_of
from tests.fixtures.service import Service, annex, until

BROKEN = "import a_module_that_is_not_there\n\n\nasync def get() -> str:\n    return ''\n"

SLOW = '''"""A function that takes its time."""

import asyncio
from pathlib import Path

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Say that it has begun, and return half a second later."""
    Path(__file__).with_name("begun").touch()
    await asyncio.sleep(0.5)
    return "done"
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The sample service, with a broken file and a slow one beside them."""
    return functions_of(tmp_path, {"broken.py": BROKEN, "slow.py": SLOW}, "index.py", "me.py", "samples")


@pytest.fixture
def service(tmp_path: Path, tree: Path, issuer: Issuer, database_url: str) -> Iterator[Service]:
    with annex("serve", tmp_path, environment(issuer, database_url, tree)) as running:
        yield running


def test_a_signed_request_is_answered_from_the_database_with_a_broken_file_beside_it(
    service: Service, issuer: Issuer
):
    signed = {"Authorization": f"Bearer {issuer.token()}", "Origin": ORIGIN}
    with httpx.Client(base_url=service.url) as http:
        found = http.get("/samples/NORTH", headers=signed)
        refused = http.get("/samples/NORTH", headers={"Origin": ORIGIN})
        broken = http.get("/broken", headers=signed)
        closed = http.get("/broken")
        health = http.get("/health").json()
    assert (found.status_code, found.json()["symbol"]) == (200, "NORTH")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert (broken.status_code, broken.json()["code"]) == (503, "function_unavailable")
    assert closed.status_code == 401
    assert health["status"] == "degraded"
    assert all(r.headers["access-control-allow-origin"] == ORIGIN for r in (found, refused, broken))
    assert "broken.py" in service.log
    assert issuer.token() not in service.log


def test_sigterm_lets_a_request_finish_and_exits_with_0(service: Service, tree: Path):
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(httpx.get, f"{service.url}/slow", timeout=10)
        until((tree / "begun").exists)
        status = service.stop(signal.SIGTERM)
        response = slow.result()
    assert (response.status_code, response.text, status) == (200, '"done"', 0)


def test_a_strict_start_is_refused_with_the_file_and_the_cause(
    tmp_path: Path, tree: Path, issuer: Issuer, database_url: str
):
    strict = environment(issuer, database_url, tree) | {"ANNEX_STRICT": "true"}
    with annex("serve", tmp_path, strict, wait=False) as refused:
        assert refused.process.wait(30) == 1
        assert "broken.py" in refused.log
        assert "a_module_that_is_not_there" in refused.log


def test_bad_settings_stop_the_start_with_every_fault(tmp_path: Path):
    bad = {"ANNEX_ENV": "production", "LOG_LEVEL": "loud"}
    with annex("serve", tmp_path, bad, wait=False) as refused:
        assert refused.process.wait(30) == 2
        assert "LOG_LEVEL" in refused.log
        assert "CLERK_PUBLISHABLE_KEY" in refused.log

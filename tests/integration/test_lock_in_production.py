"""In production only those routes are open that `public.lock` lists."""

import logging
from pathlib import Path

import pytest

from tests.fixtures.app import Compose
from tests.fixtures.routing import write_tree

OPEN = (
    "from runtime import Function\nconfig = Function(public=True)\nasync def get() -> str:\n    return 'ok'\n"
)
HOOK = """
    from runtime import Function
    config = Function(webhook='clerk')
    async def post() -> str:
        return 'ok'
"""
FILES = {"index.py": OPEN, "other.py": OPEN, "hook.py": HOOK, "broken.py": f"{OPEN}1 / 0\n"}
PRODUCTION = {"ANNEX_ENV": "production"}


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    write_tree(tmp_path / "functions", {**FILES, "public.lock": "# open\nGET /  index.py\n"})
    return tmp_path / "functions"


async def test_an_open_route_that_the_lock_does_not_list_asks_for_a_session(
    compose: Compose, functions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        async with compose(functions, **PRODUCTION) as caller:
            listed = await caller.anonymous("GET", "/")
            others = [
                (await caller.anonymous(method, path)).status_code
                for method, path in (
                    ("GET", "/other"),
                    ("HEAD", "/other"),
                    ("POST", "/hook"),
                    ("GET", "/broken"),
                )
            ]
            signed = await caller.signed("GET", "/other")
            ready = (await caller.anonymous("GET", "/health/ready")).json()

    assert listed.json() == "ok"
    assert others == [401, 401, 401, 401]
    assert signed.json() == "ok"
    named = {entry["file"] for entry in ready["checks"]["functions"]["detail"]["quarantined"]}
    assert named == {"other.py", "hook.py", "broken.py"}
    assert "GET /other is public but not listed in public.lock, so it asks for a session." in caplog.text


@pytest.mark.parametrize(
    "lock", [None, "", "GET /other  index.py\n", "POST /other  other.py\n", "#GET /other  other.py"]
)
async def test_a_lock_without_the_line_opens_nothing(
    compose: Compose, functions: Path, lock: str | None
) -> None:
    (functions / "public.lock").unlink()
    if lock is not None:
        (functions / "public.lock").write_text(lock)

    async with compose(functions, **PRODUCTION) as caller:
        response = await caller.anonymous("GET", "/other")

    assert response.status_code == 401


async def test_a_lock_that_is_no_text_opens_nothing(compose: Compose, functions: Path) -> None:
    (functions / "public.lock").write_bytes(b"\xff\xfe")

    async with compose(functions, **PRODUCTION) as caller:
        response = await caller.anonymous("GET", "/")

    assert response.status_code == 401


async def test_outside_of_production_an_open_route_is_open(compose: Compose, functions: Path) -> None:
    async with compose(functions) as caller:
        response = await caller.anonymous("GET", "/other")

    assert response.json() == "ok"

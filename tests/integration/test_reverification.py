"""`reverification=` as Clerk's own `useReverification()` sees it, through our client and through `fetch`."""

import asyncio
import json
import subprocess

import pytest

from tests.fixtures.node import ROOT, compile_client, install
from tests.fixtures.routing import write_tree

SDK = ROOT / "tests" / "fixtures" / "clerk_sdk"
VAULT = """
from runtime import Function
config = Function(reverification={reverification!r})
async def get() -> str:
    return "opened"
"""


@pytest.fixture(scope="module")
def compiled(node, compilers, tmp_path_factory):
    install(SDK)
    folder = compile_client(node, compilers, ROOT / "client/tests", tmp_path_factory.mktemp("client"))
    return folder.parent / "index.js"


@pytest.mark.parametrize(
    ("reverification", "level"),
    [
        ("strict", "second_factor"),
        ("strict_mfa", "multi_factor"),
        ("lax", "second_factor"),
        ({"level": "first_factor", "after_minutes": 5}, "first_factor"),
    ],
)
async def test_clerks_hook_lets_the_user_verify_and_calls_again(
    compose, node, compiled, tmp_path, reverification, level
):
    write_tree(tmp_path / "functions", {"vault.py": VAULT.format(reverification=reverification)})
    async with compose(tmp_path / "functions") as caller:
        refused = await caller.signed("GET", "/vault", claims={"fva": [9999, 9999]})
        accepted = await caller.signed("GET", "/vault", claims={"fva": [0, 0]})
    given = json.dumps({"client": str(compiled), "refused": refused.text, "accepted": accepted.text})

    done = await asyncio.to_thread(
        subprocess.run, [node, SDK / "reverify.mjs"], input=given, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen == {name: {"asked": [level], "result": "opened"} for name in ("client", "plain fetch")}

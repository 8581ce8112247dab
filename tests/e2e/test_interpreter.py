"""What a real `annex serve` does to the interpreter before it serves."""

from pathlib import Path

import httpx

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import annex

ASKS = '''"""How the interpreter is set."""

import gc
import sys

from runtime import Function

config = Function(public=True)

DATA = [[number] for number in range(1_000)]


async def get() -> tuple[bool, float]:
    """Say whether what this file has loaded is out of the collector's sight, and how long a thread runs."""
    return not any(each is DATA for each in gc.get_objects()), sys.getswitchinterval()
'''


def test_loaded_functions_are_out_of_the_collectors_sight_and_threads_take_turns_soon(
    tmp_path: Path, issuer: Issuer
):
    tree = functions_of(tmp_path, {"asks.py": ASKS})

    with annex("serve", tmp_path, environment(issuer, "", tree)) as running:
        answer = httpx.get(f"{running.url}/asks").json()

    assert answer == [True, 0.0005]

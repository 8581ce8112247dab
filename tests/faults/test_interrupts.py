"""Interrupts at random moments hit the careless call, and nobody beside it."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.fixtures.figures import Figure
from tests.fixtures.service import ROOT

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_interrupts_at_random_moments_cost_no_neighbour_a_wake_up(
    loop: str, tmp_path: Path, figure: Figure, full: bool
):
    shots = 10_000 if full else 300
    arguments = ("-m", "tests.fixtures.interrupts", loop, str(shots), str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    seen = json.loads(said)
    figure("interrupts", seen["shots"])
    figure("neighbours answered", seen["healthy 200"])
    assert seen["shots"] >= shots
    assert seen["surprises"] == []
    assert {name for name in seen if name.startswith("careless")} == {"careless 500"}

"""Functions that open more files than the process may have."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import ROOT, Service, free_port

NO_DATABASE = "postgresql://app@127.0.0.1:1/app"
HEALTHY = '''"""A neighbour."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer at once."""
    return "well"
'''
OPENING = '''"""A function that never closes a file."""

from runtime import Function

config = Function(public=True)
held = []


async def get() -> int:
    """Open files until no more can be opened."""
    try:
        while True:
            held.append(open("/dev/null"))
    except OSError:
        return len(held)
'''
AT_IMPORT = '''"""A file that opens too many others."""

from runtime import Function

config = Function(public=True)
held = []
{opening}


async def get() -> int:
    """Answer."""
    return len(held)
'''


WAYS = {
    "fails": 'held.extend(open("/dev/null") for _ in range(20_000))',
    "goes on": "try:\n    while True:\n        held.append(open('/dev/null'))\nexcept OSError:\n    pass",
}


def limited_process(port: int, log: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start `annex serve` that may have 512 descriptors, and begins with 256."""
    annex = Path(sys.executable).with_name("annex")
    with log.open("wb") as out:
        return subprocess.Popen(
            ["sh", "-c", f"ulimit -Hn 512; ulimit -Sn 256; exec {annex} serve"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PORT": str(port), "ANNEX_DRAIN_DELAY": "0", **settings},
            stdout=out,
            stderr=subprocess.STDOUT,
        )


@asynccontextmanager
async def limited(tmp_path: Path, settings: dict[str, str]) -> AsyncIterator[Service]:
    """Such a process for the block."""
    port, log = free_port(), tmp_path / "annex.log"
    process = limited_process(port, log, settings)
    service = Service(process, port, log)
    try:
        await asyncio.to_thread(service.wait_until_up)
        yield service
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


async def test_a_function_that_leaves_files_open_costs_no_neighbour_its_connection(
    tmp_path: Path, issuer: Issuer
):
    functions = functions_of(tmp_path, {"opening.py": OPENING, "healthy.py": HEALTHY})
    async with limited(tmp_path, environment(issuer, NO_DATABASE, functions)) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
            opened = await http.get("/opening")
        answers = []
        for _ in range(20):  # each on a connection of its own
            async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
                answers.append(await http.get("/healthy"))
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
            ready = await http.get("/health/ready")
    assert opened.json() > 256  # the limit was raised
    assert [answer.status_code for answer in answers] == [200] * 20
    assert "too many open files" in ready.json()["checks"]["database"]["detail"]
    assert "a function leaves them open" in service.log


@pytest.mark.parametrize("opening", WAYS.values(), ids=WAYS)
async def test_a_file_that_opens_too_many_files_at_import_is_named_and_costs_no_neighbour(
    tmp_path: Path, issuer: Issuer, opening: str
):
    functions = functions_of(tmp_path, {"healthy.py": HEALTHY, "zebra.py": HEALTHY})
    (functions / "importing.py").write_text(AT_IMPORT.replace("{opening}", opening))
    settings = environment(issuer, NO_DATABASE, functions)
    async with (
        limited(tmp_path, settings | {"ANNEX_ENV": "development"}) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        answers = [await http.get(path) for path in ("/healthy", "/zebra", "/importing")]
    assert [answer.status_code for answer in answers] == [200, 200, 503]
    line = next(line for line in service.log.splitlines() if "function quarantined" in line)
    assert "importing.py" in line
    assert "Too many open files" in line or "more than a quarter of what the process may have open" in line

"""Which version of a file the process of an isolated function runs."""

from pathlib import Path

import pytest

from runtime.routing import discover
from tests.fixtures.app import Compose

pytestmark = pytest.mark.timeout(120)

TEXT = '''"""A version."""

from runtime import Function

config = Function(public=True, isolate=True)


def get() -> str:
    """Return it."""
    return "{version}"
'''


async def test_process_runs_what_its_worker_serves_whatever_the_disk_says(tmp_path: Path, compose: Compose):
    file = tmp_path / "version.py"
    file.write_text(TEXT.format(version="one"))
    async with compose(functions=tmp_path) as caller:
        first = await caller.anonymous("GET", "/version")
        file.write_text(TEXT.format(version="two"))
        unswapped = await caller.anonymous("GET", "/version")
        caller.application.swap(discover(tmp_path))
        swapped = await caller.anonymous("GET", "/version")

    assert [each.json() for each in (first, unswapped, swapped)] == ["one", "one", "two"]

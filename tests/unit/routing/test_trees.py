"""One folder under `tests/trees` a rule: its functions, and in `expected.txt` every route and fault in full.

A line of a route is `METHOD /url  file`, with what its policy adds to the default, and `503` in quarantine.
After a change that is meant, `python -m tests.unit.routing.test_trees` writes the files anew; read the diff.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import fields

from runtime.config import Endpoint, Policy
from runtime.routing import discover
from runtime.routing.table import RouteTable
from tests.fixtures.reference_router import misserved

TREES = Path(__file__).parents[2] / "trees"
CASES = sorted(path.name for path in TREES.iterdir() if path.is_dir())


def spell(table: RouteTable) -> str:
    return "".join(f"{line}\n" for line in [*map(_route, table.endpoints), *map(str, table.faults)])


def _route(endpoint: Endpoint) -> str:
    return " ".join([f"{endpoint.method} {endpoint.template} ", endpoint.file, *_notes(endpoint)])


def _notes(endpoint: Endpoint) -> Iterator[str]:
    default = Policy()
    for field in fields(Policy):
        value = getattr(endpoint.policy, field.name)
        if field.name != "origins" and value != getattr(default, field.name):
            yield f"{field.name}={value!r} ({endpoint.policy.origins[field.name]})"
    if endpoint.stream:
        yield "stream"
    if endpoint.error_id:
        yield "503"


def read(case: str) -> RouteTable:
    return discover(TREES / case / "functions", import_budget=0.5 if case == "import_hangs" else 10)


@pytest.mark.parametrize("case", CASES)
def test_tree_gives_these_routes_and_faults(case: str) -> None:
    assert spell(read(case)) == (TREES / case / "expected.txt").read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_router_reaches_every_file_that_serves(case: str) -> None:
    table = read(case)

    assert misserved(table) == []


if __name__ == "__main__":
    for case in CASES:
        text = spell(read(case))
        (TREES / case / "expected.txt").write_text(text, "utf-8")
        sys.stdout.write(f"== {case}\n{text}")

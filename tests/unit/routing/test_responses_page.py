"""The functions in docs/responses.md answer as the page says."""

import re
from pathlib import Path

import pytest

from tests.fixtures.app import Compose
from tests.fixtures.routing import write_tree

PAGE = Path("docs/responses.md").read_text("utf-8")


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        place, _, text = block.partition("\n")
        write_tree(tmp_path, {place.removeprefix("# "): text})
    return tmp_path / "functions"


async def test_functions_of_the_page_answer(functions: Path, compose: Compose) -> None:
    async with compose(functions) as caller:
        assert not caller.application.table.faults
        placed = [
            await caller.signed("POST", "/orders", json={"symbol": "SPY"}, headers={"Idempotency-Key": "a"})
            for _ in range(2)
        ]
        theme = await caller.signed("PUT", "/orders?theme=dark")
        moved = await caller.signed("DELETE", "/orders")
        rows = await caller.signed("GET", "/reports")
        day = await caller.signed("POST", "/reports")
        file = await caller.signed("PUT", "/reports")

    assert [(answer.status_code, answer.headers["location"]) for answer in placed] == [(201, "/orders/7")] * 2
    assert placed[1].headers["idempotency-replayed"] == "true"
    assert (theme.status_code, theme.headers["set-cookie"][:10]) == (204, "theme=dark")
    assert (moved.status_code, moved.headers["location"]) == (303, "/")
    assert (rows.text, rows.headers["content-disposition"]) == (
        "symbol,value\nSPY,0.8\n",
        'attachment; filename="readings.csv"',
    )
    assert day.headers["content-type"] == "text/calendar; charset=utf-8"
    assert (file.headers["content-disposition"], file.headers["x-robots-tag"]) == (
        'attachment; filename="reports.py"',
        "noindex",
    )

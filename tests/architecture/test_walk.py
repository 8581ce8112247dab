"""The order of a request stands in two lists, and docs/walk.md follows them."""

import re
from pathlib import Path

from runtime.app import create_app
from runtime.config import Endpoint, Policy
from runtime.settings import load

WALK = Path("docs/walk.md")
ITEM = re.compile(r"^\d+\. \*\*(.+?)\*\* \(`(.+?)`", re.MULTILINE)


def test_walk_names_every_stage_and_every_step_in_order(tmp_path: Path):
    application = create_app(load({"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(tmp_path)}))
    endpoint = Endpoint(method="GET", template="/signals", file="signals.py", policy=Policy())
    _, stages, steps = WALK.read_text("utf-8").split("\n## ")

    assert [name for name, _ in ITEM.findall(stages)] == list(application.stages())
    assert [name for name, _ in ITEM.findall(steps)] == list(application.steps(endpoint))


def test_walk_says_where_each_of_them_stands():
    places = [place for _, place in ITEM.findall(WALK.read_text("utf-8"))]

    assert [place for place in places if not Path(place).exists()] == []
    assert len(places) > 10

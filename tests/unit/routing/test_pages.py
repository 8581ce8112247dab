"""The functions in docs/writing-a-function.md are functions, and the page says what becomes of them."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from runtime import Http
from runtime.routing import RouteTable, discover
from runtime.routing.display import as_text
from runtime.routing.lock import open_routes
from runtime.settings.own import Environment
from shared.identity import User
from tests.fixtures.routing import Caller, write_tree

SLOW_TO_IMPORT = (BaseModel, Http)  # by now they are here, or the page would have to say so
PAGE = Path("docs/writing-a-function.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def table(tmp_path: Path) -> RouteTable:
    for block in blocks("python"):
        place, _, text = block.partition("\n")
        write_tree(tmp_path, {place.removeprefix("# "): text})
    return discover(tmp_path / "functions", environment=Environment({"STRIPE_KEY": "sk_test"}))


def test_routes_of_the_page_are_what_it_shows(table: RouteTable) -> None:
    shown = as_text(table).replace(table.faults[0].error_id, "ERROR")
    shown = re.sub(r" +import \d+\.\d ms", lambda it: "import 0.0 ms".rjust(len(it[0])), shown)

    assert blocks("routes") == [f"{shown}\n"]


def test_lock_of_the_page_is_what_it_shows(table: RouteTable) -> None:
    assert blocks("lock") == ["".join(f"{line}\n" for line in open_routes(table))]


async def test_functions_of_the_page_answer(table: RouteTable) -> None:
    caller, user = Caller(table), User(user_id="user_1")

    assert (await caller.get("/signals/HYG%2FIEF", user=user)).json == {"symbol": "HYG/IEF", "value": -0.3}
    assert (await caller.get("/signals/NOPE", user=user)).status == 404
    page = await caller.get("/signals?symbols=SPY&symbols=TLT&limit=1")
    assert page.json == {"symbols": ["SPY"], "since": None}
    assert (await caller.send("POST", "/signals", json={"symbol": "SPY", "risk_on": True})).status == 409
    assert (await caller.get("/reports/regime")).json == {"risk_on": 0.62}
    assert (await caller.send("POST", "/reports/regime")).status == 204
    assert (await caller.get("/")).headers["cache-control"] == "public, max-age=60"
    form = {"content-type": "application/x-www-form-urlencoded", "accept-language": "de"}
    told = await caller.send("POST", "/feedback", body=b"text=Good&stars=5&may_publish=on", headers=form)
    assert told.json == "5 stars, 0 bytes of pictures, in de"
    halves = await caller.send("POST", "/orders", json={"symbol": "SPY", "quantity": 5})
    assert halves.json == [{"symbol": "SPY", "quantity": 2}, {"symbol": "SPY", "quantity": 3}]

"""Every error of every route of the sample service is provoked, and is what the contract lists."""

from pathlib import Path

import pytest

from tests.fixtures.app import Compose, permitted
from tests.fixtures.postgres import Postgres
from tests.fixtures.provoked import Provocation, Route, delivery, listed

# The service interrupts by SIGALRM what holds the loop, which the runner's own signal would keep it from.
pytestmark = pytest.mark.timeout(300, method="thread")

SAMPLE = {"symbol": "OVEN", "state": "LOW", "value": "1.5", "observedAt": "2026-11-02T15:30:00Z"}
WRITER, DELETER = permitted("org:samples:write"), permitted("org:samples:delete")
ROUTES = (
    Route("GET /", "/", by="anybody"),
    Route("GET /me", "/me"),
    Route("GET /samples", "/samples"),
    Route("POST /samples", "/samples", SAMPLE, WRITER),
    Route("GET /samples/{symbol}", "/samples/OVEN"),
    Route("DELETE /samples/{symbol}", "/samples/OVEN", claims=DELETER),
    Route("POST /hook", "/hook", {}, by="a webhook"),
)
GET, DELETE, POST, HOOK = ROUTES[4], ROUTES[5], ROUTES[3], ROUTES[6]


async def test_each_route_answers_the_errors_that_its_contract_lists_and_no_others(
    compose: Compose, served_functions: Path, postgres: Postgres, database_name: str, tmp_path: Path
):
    tried = Provocation(ROUTES, compose, served_functions, postgres, database_name, tmp_path)
    await tried.run()
    async with tried.running() as caller:
        for route in (GET, DELETE):
            tried.codes.take(route.name, await route.ask(caller, path="/samples/NOPE"))
        tried.codes.take(POST.name, await POST.ask(caller, json=SAMPLE | {"symbol": "NOPE"}))
        symbol = (await caller.signed("GET", "/samples")).json()[0]["symbol"]
        assert (await POST.ask(caller, json=SAMPLE | {"symbol": symbol})).status_code == 201
        tried.codes.take(POST.name, await POST.ask(caller, json=SAMPLE | {"symbol": symbol}))
        assert (await caller.http.post("/hook", **delivery(name="msg_x", json={}))).status_code == 204
        tried.codes.take(HOOK.name, await caller.http.post("/hook", **delivery(name="msg_x", json={})))
        contract = (await caller.anonymous("GET", "/openapi.json")).json()
    assert tried.codes.seen == listed(contract)

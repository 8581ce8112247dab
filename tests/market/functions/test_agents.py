"""`POST /agents/regime`, `POST /agents/summary`, `/agents/runs/{run_id}`, on recorded replies."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.routing import discover
from tests.fixtures.app import Caller, Compose
from tests.fixtures.service import ROOT

QUESTION = {"messages": [{"role": "user", "content": "Is the market risk-on?"}]}


def frames(response: httpx.Response) -> list[dict[str, Any]]:
    """Read the events of a stream, ids and names checked on the way."""
    found = []
    for number, frame in enumerate(
        (each for each in response.text.split("\n\n") if each.startswith("id:")), start=1
    ):
        identifier, name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert identifier == f"id: {number}"
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


async def test_the_discussion_is_streamed_and_reads_the_database(caller: Caller):
    response = await caller.signed("POST", "/agents/regime", json=QUESTION)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = frames(response)
    assert events[0]["type"] == "run_started"
    latest = next(event for event in events if event["type"] == "tool_result")
    assert json.loads(latest["text"])["symbol"] == "HYG-LQD"
    assert {event["agent"] for event in events if event["type"] == "message"} == {"analyst", "critic"}
    assert [event["type"] for event in events if event["type"] in {"done", "error"}] == ["done"]
    assert (events[-1]["type"], events[-1]["stopReason"]) == ("done", "completed")
    assert events[-1]["usage"]["outputTokens"] > 0


async def test_a_summary_has_the_form_that_the_contract_promises(caller: Caller):
    response = await caller.signed("POST", "/agents/summary", json={"symbol": "SPY"})
    assert response.status_code == 200
    assert sorted(response.json()) == ["headline", "reasons", "stance"]


async def test_a_summary_of_an_unknown_symbol_asks_no_model(caller: Caller):
    response = await caller.signed("POST", "/agents/summary", json={"symbol": "NOPE"})
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/agents/regime"),
        ("POST", "/agents/summary"),
        ("GET", "/agents/runs/x"),
        ("DELETE", "/agents/runs/x"),
    ],
)
async def test_agents_are_closed_to_callers_without_a_session(method: str, path: str, caller: Caller):
    assert (await caller.anonymous(method, path)).status_code == 401


async def test_a_conversation_that_does_not_fit_is_400_and_names_every_field(caller: Caller):
    body = {"messages": [{"role": "system", "content": ""}]}
    response = await caller.signed("POST", "/agents/regime", json=body)
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {
        "messages.0.role",
        "messages.0.content",
    }


async def test_a_forged_continuation_is_400_and_starts_nothing(caller: Caller):
    body = {**QUESTION, "continuation": "forged"}
    response = await caller.signed("POST", "/agents/regime", json=body)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "continuation")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_run_that_there_is_not_is_404(method: str, caller: Caller):
    assert (await caller.signed(method, "/agents/runs/run_unknown")).status_code == 404


async def test_a_last_event_id_of_thousands_of_digits_is_400_and_names_the_header(caller: Caller):
    headers = {"Last-Event-ID": "9" * 4_400}
    response = await caller.signed("GET", "/agents/runs/run_x", headers=headers)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "Last-Event-ID")


async def test_a_detached_run_without_a_store_is_503_and_names_the_cure(caller: Caller):
    response = await caller.signed("POST", "/agents/regime", params={"detach": "true"}, json=QUESTION)
    assert (response.status_code, response.json()["code"]) == (503, "agents_unavailable")
    assert "REDIS_URL" in response.json()["detail"]


async def test_production_without_a_model_is_503_before_a_stream_begins(compose: Compose, database_url: str):
    async with compose(DATABASE_URL=database_url, ANNEX_ENV="production") as caller:
        response = await caller.signed("POST", "/agents/regime", json=QUESTION)
    assert (response.status_code, response.json()["code"]) == (503, "agents_unavailable")


@pytest.mark.parametrize("page", ["agents.md", "own-teams.md"])
def test_the_function_in_the_guide_is_one_that_serves(page: str, tmp_path: Path):
    guide = (ROOT / "docs" / page).read_text("utf-8")
    (tmp_path / "regime.py").write_text(guide.partition("```python\n")[2].partition("```")[0])
    table = discover(tmp_path)
    assert table.faults == ()
    assert [operation.endpoint.stream for operation in table.operations] == [True]

"""docs/teams: each kind of team as a function file, served and asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import autogen_ext.tools.mcp  # noqa: F401  # takes seconds, which a function's import need not have on a busy machine
import pytest

from tests.fixtures.agents import ModelServer, Reply, ask, calls, says
from tests.fixtures.app import Compose

TEAMS = Path(__file__).parents[3] / "docs" / "teams"
LEDGER = """{"is_request_satisfied": {"answer": %s, "reason": ""},
"is_in_loop": {"answer": false, "reason": ""},
"is_progress_being_made": {"answer": true, "reason": ""}, "next_speaker": {"answer": "analyst", "reason": ""},
"instruction_or_question": {"answer": "Read.", "reason": ""}}"""
PLAN = [says("Facts."), says("Plan."), says(LEDGER % "false")]
KINDS: dict[str, tuple[list[Reply], list[tuple[str, str]], str]] = {
    "round_robin": ([says("Up."), says("AGREED")], [("analyst", "Up. "), ("critic", "AGREED ")], "completed"),
    "selector": (
        [says("critic"), says("No."), says("Yes.")],
        [("critic", "No. "), ("analyst", "Yes. ")],
        "turn_limit",
    ),
    "swarm": ([calls("transfer_to_trader"), says("BOUGHT")], [("trader", "BOUGHT ")], "completed"),
    "graph_flow": (
        [says("Read."), says("Side."), says("Side."), says("Edited.")],
        [("reader", "Read. "), ("left", "Side. "), ("right", "Side. "), ("editor", "Edited. ")],
        "completed",
    ),
    "society_of_mind": (
        [says("Up."), says("Agreed."), says("Both say up.")],
        [("analyst", "Up. "), ("critic", "Agreed. "), ("society", "Both say up. ")],
        "completed",
    ),
    "magentic_one": (
        [*PLAN, says("Up."), says(LEDGER % "true"), says("Up!")],
        [("analyst", "Up. "), ("MagenticOneOrchestrator", "Up! ")],
        "completed",
    ),
    "agents_as_tools": (
        [calls("writer", task="Write."), says("A text."), says("Done.")],
        [("writer", "A text. "), ("chief", "Done. ")],
        "completed",
    ),
    "nested": ([says("Up."), says("No.")], [("analyst", "Up. "), ("critic", "No. ")], "turn_limit"),
    "mcp_workbench": ([calls("price", symbol="SPY"), says("Up.")], [("analyst", "Up. ")], "completed"),
    "user_proxy": ([says("Which symbol?")], [("analyst", "Which symbol? ")], "input_required"),
    "approval": ([calls("sell", shares=5)], [], "input_required"),
}


@pytest.fixture
async def service(compose: Compose, model_server: ModelServer) -> AsyncIterator[Any]:
    async with compose(
        TEAMS,
        DATABASE_URL="",
        REDIS_URL="redis://127.0.0.1:1",
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=model_server.url,
    ) as service:
        yield service


async def said(service: Any, kind: str) -> list[dict[str, Any]]:
    body = {"messages": [{"role": "user", "content": ask().messages[0].content}]}
    response = await service.signed("POST", f"/{kind}", json=body)
    assert response.status_code == 200, response.text
    lines = response.text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_team_is_a_function_file(kind: str, service: Any, model_server: ModelServer):
    replies, messages, ending = KINDS[kind]
    model_server.script(*replies)
    before = asyncio.all_tasks()
    events = await said(service, kind)
    heard = [(each["agent"], each["text"]) for each in events if each["type"] == "message"]
    assert [each for each in messages if each not in heard] == []
    assert events[-1]["stopReason"] == ending
    assert [
        task for task in asyncio.all_tasks() - before if (task.get_name() or "").startswith("agents")
    ] == []


async def test_the_tool_of_an_mcp_server_is_called(service: Any, model_server: ModelServer):
    model_server.script(*KINDS["mcp_workbench"][0])
    events = await said(service, "mcp_workbench")
    results = [each["text"] for each in events if each["type"] == "tool_result"]
    assert results == ["82.5"]


def test_each_kind_is_less_than_forty_lines_and_is_in_the_guide():
    lines = {path.stem: len(path.read_text().splitlines()) for path in TEAMS.glob("*.py")}
    assert lines.keys() == {*KINDS, "lasting"}
    assert max(lines.values()) < 40
    guide = (TEAMS.parent / "own-teams.md").read_text()
    assert [kind for kind in lines if f"(teams/{kind}.py)" not in guide] == []

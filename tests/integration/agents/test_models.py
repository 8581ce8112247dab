"""Several models by name in one service: OpenAI, and Azure and Anthropic through AutoGen's own clients."""

from typing import Any

import pytest
from msgspec import Struct

from runtime.settings import SettingsError, load
from shared.agents import (
    Agent,
    AgentMessage,
    MessageDelta,
    NamedModel,
    RunDone,
    RunFailed,
    Team,
    ToolResult,
)
from shared.agents.autogen import Parts
from shared.errors import AgentsUnavailable
from shared.secret import Secret
from tests.fixtures.agents import AgentsMaker, ModelServer, Reply, ask, caller, calls, says
from tests.fixtures.anthropic_server import AnthropicServer

MODELS = {
    "fast": NamedModel("openai", "gpt-5-nano"),
    "eu": NamedModel("azure", "gpt-5-eu"),
    "deep": NamedModel("anthropic", "claude-opus-4-1"),
}


async def latest(symbol: str) -> str:
    """Return the newest reading."""
    return f"{symbol} 0.82"


@pytest.fixture
def several(model_server: ModelServer, anthropic_server: AnthropicServer) -> dict[str, Any]:
    return {
        "models": MODELS,
        "azure_api_key": Secret("azure-canary"),
        "azure_endpoint": model_server.url.removesuffix("/v1"),
        "anthropic_api_key": Secret("anthropic-canary"),
        "anthropic_base_url": anthropic_server.url,
    }


def team(*models: str | None) -> Team:
    agents = [Agent(f"agent{number}", "Read.", (latest,), model=name) for number, name in enumerate(models)]
    return Team("mixed", tuple(agents), max_turns=len(models))


async def test_each_agent_of_a_team_has_its_model(
    make_agents: AgentsMaker,
    several: dict[str, Any],
    model_server: ModelServer,
    anthropic_server: AnthropicServer,
):
    model_server.script(says("One."), says("Two."), says("Three."))
    anthropic_server.replies = [says("Four.")]
    async with make_agents(**several) as agents:
        mixed = team(None, "fast", "eu", "deep")
        events: list[Any] = [each async for each in await agents.run(mixed, ask(), user=caller())]
    assert [each.text for each in events if isinstance(each, AgentMessage)] == [
        "One. ",
        "Two. ",
        "Three. ",
        "Four. ",
    ]
    assert [each["model"] for each in model_server.requests] == ["test-model", "gpt-5-nano", "gpt-5-eu"]
    assert anthropic_server.requests[0]["model"] == "claude-opus-4-1"
    assert anthropic_server.keys == ["anthropic-canary"]
    assert events[-1].usage.total == 60


@pytest.mark.parametrize("name", ["eu", "deep"])
async def test_a_model_behind_a_client_of_autogen_streams_and_calls_tools(
    name: str,
    make_agents: AgentsMaker,
    several: dict[str, Any],
    model_server: ModelServer,
    anthropic_server: AnthropicServer,
):
    replies = [calls("latest", symbol="SPY"), says("SPY leads.")]
    model_server.script(*replies)
    anthropic_server.replies = list(replies)
    async with make_agents(**several) as agents:
        events: list[Any] = [each async for each in await agents.run(team(name), ask(), user=caller())]
    assert [each.text for each in events if isinstance(each, ToolResult)] == ["SPY 0.82"]
    assert "".join(each.text for each in events if isinstance(each, MessageDelta)) == "SPY leads. "
    assert events[-1].stop_reason == "completed"


class Verdict(Struct):
    """What one agent answers."""

    stance: str


@pytest.mark.parametrize("name", ["eu", "deep"])
async def test_a_model_behind_a_client_of_autogen_answers_in_a_form(
    name: str,
    make_agents: AgentsMaker,
    several: dict[str, Any],
    model_server: ModelServer,
    anthropic_server: AnthropicServer,
):
    model_server.script(says('{"stance":"up"}'))
    anthropic_server.replies = [says('{"stance":"up"}')]
    async with make_agents(**several) as agents:
        agent = Agent("summary", "Sum up.", model=name)
        assert await agents.answer(agent, ask(), Verdict, user=caller()) == Verdict("up")
    if name == "deep":
        assert '"stance"' in anthropic_server.requests[0]["system"]


@pytest.mark.parametrize("name", ["eu", "deep"])
@pytest.mark.parametrize(
    ("reply", "ending", "is_retryable"),
    [
        (Reply(status=429), "model_unavailable", True),
        (Reply(status=500), "model_unavailable", True),
        (Reply(status=400), "model_unavailable", False),
        (Reply(status=401), "model_unavailable", False),
        (says("Cut off", finish="max_tokens"), "length", False),
    ],
)
async def test_what_such_a_provider_refuses_ends_the_run_and_quotes_nothing(
    name: str,
    reply: Reply,
    ending: str,
    is_retryable: bool,
    make_agents: AgentsMaker,
    several: dict[str, Any],
    model_server: ModelServer,
    anthropic_server: AnthropicServer,
    caplog: pytest.LogCaptureFixture,
):
    if name == "eu" and reply.finish:
        reply = says("Cut off", finish="length")
    model_server.script(reply)
    anthropic_server.replies = [reply]
    async with make_agents(**several) as agents:
        events: list[Any] = [each async for each in await agents.run(team(name), ask(), user=caller())]
    last = events[-1]
    if isinstance(last, RunFailed):
        assert (last.code, last.retryable) == (ending, is_retryable)
    else:
        assert isinstance(last, RunDone)
        assert last.stop_reason == ending
    assert "canary" not in caplog.text + repr(events)


NO_DEPP = "There is no model 'depp'; ANNEX_MODELS has fast, eu, deep."


async def test_a_name_that_no_model_has_is_refused_before_the_run_begins(
    make_agents: AgentsMaker, several: dict[str, Any], model_server: ModelServer
):
    async with make_agents(**several) as agents:
        with pytest.raises(AgentsUnavailable, match=NO_DEPP):
            await agents.run(team("depp"), ask(), user=caller())
        with pytest.raises(AgentsUnavailable, match=NO_DEPP):
            await agents.answer(Agent("judge", "Judge.", model="depp"), ask(), NamedModel, user=caller())
    assert model_server.requests == []


async def test_such_a_name_in_a_team_that_a_function_builds_is_the_error_of_the_run(
    make_agents: AgentsMaker, several: dict[str, Any]
):
    def solo(parts: Parts) -> Any:
        return parts.model("depp")

    async with make_agents(**several) as agents:
        events: list[Any] = [each async for each in await agents.run(solo, ask(), user=caller())]
    assert (events[-1].code, events[-1].detail) == ("agents_unavailable", NO_DEPP)


async def test_the_default_may_be_one_of_the_names(
    make_agents: AgentsMaker, several: dict[str, Any], anthropic_server: AnthropicServer
):
    def solo(parts: Parts) -> Any:
        from autogen_agentchat.agents import AssistantAgent

        return AssistantAgent("analyst", parts.model(), model_client_stream=True)

    anthropic_server.replies = [says("Four.")]
    async with make_agents(**several, model="deep", api_key=None) as agents:
        events: list[Any] = [each async for each in await agents.run(solo, ask(), user=caller())]
    assert events[-1].stop_reason == "completed"


@pytest.mark.parametrize(
    ("model", "missing"),
    [("deep", "ANTHROPIC_API_KEY"), ("eu", "AZURE_OPENAI_API_KEY"), ("fast", "OPENAI_API_KEY")],
)
async def test_a_key_that_is_not_set_is_named_before_the_run_begins(
    model: str, missing: str, make_agents: AgentsMaker
):
    endpoint = "http://127.0.0.1:1"
    async with make_agents(models=MODELS, model=model, api_key=None, azure_endpoint=endpoint) as agents:
        with pytest.raises(AgentsUnavailable, match=missing):
            await agents.run(team(None), ask(), user=caller())


@pytest.mark.parametrize(
    "text",
    [
        "deep",
        "deep=claude",
        "deep=bard:x",
        "=openai:x",
        "deep=openai:",
        "de ep=openai:x",
        "a=openai:x,a=azure:y",
    ],
)
def test_a_list_of_models_that_cannot_be_read_is_a_fault_of_its_variable(text: str):
    with pytest.raises(SettingsError) as refused:
        load({"ANNEX_MODELS": text})
    assert "ANNEX_MODELS" in str(refused.value)

"""What another framework says becomes a run, with the same bounds, formats and rights."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydantic_ai  # noqa: F401  # takes seconds, which a function's import need not have on a busy machine
import pytest

from shared.agents import (
    AgentEvent,
    AgentMessage,
    Agents,
    Budget,
    CustomEvent,
    MessageDelta,
    Reasoning,
    ReasoningDelta,
    RunDone,
    RunFailed,
    RunStarted,
    RunStream,
    TokenUsage,
    ToolCall,
    ToolResult,
)
from shared.errors import AgentsUnavailable, Conflict, Invalid, NotFound, TooManyRuns
from tests.fixtures.agents import AgentsMaker, ModelServer, Reply, ask, caller, eventually, says
from tests.fixtures.app import Compose

GUIDE = Path(__file__).parents[3] / "docs" / "other-frameworks.md"


def delta(text: str, number: str = "1") -> MessageDelta:
    return MessageDelta(message_id=number, agent="a", text=text)


def message(text: str, number: str = "1") -> AgentMessage:
    return AgentMessage(message_id=number, agent="a", text=text)


class Said:
    """A framework that says what it is given, then waits for ever if it is told to.

    Attributes:
        count: what it has said.
        is_closed: its generator has ended.
    """

    def __init__(self, *events: Any, error: Exception | None = None, waits: bool = False) -> None:
        self.count = 0
        self.is_closed = False
        self._events, self._error, self._waits = events, error, waits

    async def __call__(self) -> AsyncIterator[AgentEvent]:
        try:
            for event in self._events:
                self.count += 1
                yield event
            if self._waits:
                await asyncio.Event().wait()
            if self._error:
                raise self._error
        finally:
            self.is_closed = True


async def all_of(stream: RunStream) -> list[AgentEvent]:
    return [event async for event in stream]


async def heard(agents: Agents, *events: Any, **options: Any) -> list[AgentEvent]:
    """Play events and return what the reader gets after `RunStarted`."""
    first, *others = await all_of(await agents.play(Said(*events)(), ask(), user=caller(), **options))
    assert isinstance(first, RunStarted)
    return others


async def test_what_is_said_is_a_run_with_an_id_and_one_end(agents: Agents):
    call = ToolCall(call_id="c", agent="a", tool="t", arguments="{}")
    result = ToolResult(call_id="c", agent="a", tool="t", text="21.5")
    custom = CustomEvent(name="handoff", agent="a")
    usage = TokenUsage(input_tokens=10, output_tokens=5)
    events = (call, result, custom, delta("Warm."), message("Warm."), usage)
    assert await heard(agents, *events) == [*events, RunDone(stop_reason="completed", usage=usage)]


async def test_the_framework_says_why_it_ended(agents: Agents):
    events = await heard(
        agents, message("No."), RunDone(stop_reason="refusal", usage=TokenUsage()), message("More.")
    )
    assert events == [message("No."), RunDone(stop_reason="refusal", usage=TokenUsage())]


@pytest.mark.parametrize("is_asked_for", [False, True])
async def test_reasoning_reaches_a_reader_who_asked_for_it(agents: Agents, *, is_asked_for: bool):
    thoughts = [
        ReasoningDelta(reasoning_id="r", agent="a", text="Hm."),
        Reasoning(reasoning_id="r", agent="a", text="Hm."),
    ]
    events = await heard(agents, *thoughts, message("Yes."), reasoning=is_asked_for)
    assert events[:-1] == [*(thoughts if is_asked_for else []), message("Yes.")]


@pytest.mark.parametrize(
    ("said", "budget", "reason", "count"),
    [
        (
            [message("One.", "1"), message("Two.", "2"), message("Three.", "3")],
            Budget(messages=2),
            "turn_limit",
            2,
        ),
        (
            [TokenUsage(input_tokens=90, output_tokens=11), message("More.")],
            Budget(tokens=100),
            "token_limit",
            1,
        ),
        ([message("x" * 100_001), message("More.")], Budget(), "length", 1),
        ([delta("x" * 60_000), delta("y" * 60_000), delta("z"), message("More.")], Budget(), "length", 3),
    ],
)
async def test_a_budget_ends_what_has_no_end(
    agents: Agents, said: list[AgentEvent], budget: Budget, reason: str, count: int
):
    framework = Said(*said, waits=True)
    events = await all_of(await agents.play(framework(), ask(), user=caller(), budget=budget))
    assert [type(each).__name__ for each in events[1:-1]] == [
        type(each).__name__
        for each in [*said[: framework.count], *([message("")] * (count - framework.count))]
    ]
    assert isinstance(events[-1], RunDone)
    assert events[-1].stop_reason == reason
    assert max(len(getattr(each, "text", "")) for each in events) <= 100_000
    assert framework.is_closed


async def test_usage_that_falls_or_is_negative_does_not_lower_what_was_spent(agents: Agents):
    events = await heard(
        agents,
        TokenUsage(input_tokens=50, output_tokens=5),
        TokenUsage(input_tokens=-100, output_tokens=7),
        TokenUsage(input_tokens=60, output_tokens=0),
    )
    assert events[-1] == RunDone(stop_reason="completed", usage=TokenUsage(input_tokens=60, output_tokens=7))


@pytest.mark.parametrize(
    ("said", "error", "code"),
    [
        (["words"], None, "internal_error"),
        ([RunStarted(run_id="run_forged")], None, "internal_error"),
        ([RunFailed(code="x", detail="secret", retryable=True, usage=TokenUsage())], None, "internal_error"),
        ([message("Hm.")], ValueError("canary-secret"), "internal_error"),
        ([message("Hm.")], Conflict("Somebody else was faster."), "conflict"),
    ],
)
async def test_what_goes_wrong_is_one_error_without_its_text(
    agents: Agents, said: list[Any], error: Exception | None, code: str
):
    events = await all_of(await agents.play(Said(*said, error=error)(), ask(), user=caller()))
    assert isinstance(events[-1], RunFailed)
    assert events[-1].code == code
    assert "secret" not in repr(events)


async def test_half_a_character_is_replaced(agents: Agents):
    events = await heard(agents, message("\ud83d"))
    assert events[0] == message("\ufffd")


async def test_a_run_that_is_stopped_by_its_id_closes_the_framework(agents: Agents):
    framework = Said(delta("Well"), waits=True)
    stream = await agents.play(framework(), ask(), user=caller(1))
    started = await anext(stream)
    assert isinstance(started, RunStarted)
    assert await anext(stream) == delta("Well")
    with pytest.raises(NotFound):
        await agents.stop(started.run_id, user=caller(2))
    await agents.stop(started.run_id, user=caller(1))
    assert [type(event).__name__ for event in await all_of(stream)] == ["AgentMessage", "RunDone"]
    assert framework.is_closed


async def test_a_reader_who_leaves_closes_the_framework(agents: Agents):
    framework = Said(delta("Well"), waits=True)
    stream = await agents.play(framework(), ask(), user=caller())
    await anext(stream)
    await stream.aclose()
    await eventually(lambda: framework.is_closed)


async def test_a_slow_reader_slows_the_framework(agents: Agents):
    framework = Said(*(delta("x") for _ in range(1000)))
    stream = await agents.play(framework(), ask(), user=caller())
    await anext(stream)
    for _ in range(2000):
        await asyncio.sleep(0)
    assert framework.count < 100
    assert sum(isinstance(each, MessageDelta) for each in await all_of(stream)) == 1000


async def test_what_is_refused_is_never_begun(make_agents: AgentsMaker):
    framework = Said(message("Hm."))
    async with make_agents(per_user=1) as agents:
        await agents.play(Said(waits=True)(), ask(), user=caller())
        with pytest.raises(TooManyRuns):
            await agents.play(framework(), ask(), user=caller())
        with pytest.raises(AgentsUnavailable):
            await agents.play(framework(), ask(), user=caller(2), detach=True)
        with pytest.raises(Invalid):
            await agents.play(framework(), ask(continuation="forged"), user=caller(3))
    assert framework.count == 0


def recipe(number: int) -> str:
    """Return one of the guide's functions."""
    return GUIDE.read_text("utf-8").split("```python\n")[number].partition("```")[0]


@pytest.fixture
async def post(
    compose: Compose, tmp_path: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """Send a question to a recipe of the guide; both find the provider in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("OPENAI_BASE_URL", model_server.url)
    (tmp_path / "plain.py").write_text(recipe(1))
    (tmp_path / "weather.py").write_text(recipe(2))
    async with compose(tmp_path, DATABASE_URL="") as service:

        async def send(path: str, body: dict[str, Any]) -> str:
            response = await service.signed("POST", path, json=body)
            assert response.status_code == 200, response.text
            return response.text

        yield send


QUESTION = {"messages": [{"role": "user", "content": "How warm is it in Rome?"}]}
CHAT = {"id": "c1", "trigger": "submit-message", "messages": [
    {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "How warm is it in Rome?"}]}
]}  # fmt: skip


async def test_the_recipe_for_plain_openai_streams_text_and_usage(post: Any, model_server: ModelServer):
    model_server.script(says("Quite warm."))
    text = await post("/plain", QUESTION)
    assert [line for line in text.splitlines() if line.startswith("event: ")] == [
        "event: run_started",
        *["event: message_delta"] * text.count("event: message_delta"),
        "event: usage",
        "event: message",
        "event: done",
    ]
    assert '"text":"Quite warm. "' in text
    assert '"stopReason":"completed","usage":{"type":"usage","inputTokens":10,"outputTokens":5}' in text


async def test_the_recipe_for_pydantic_ai_calls_its_tool(post: Any, model_server: ModelServer):
    model_server.script(Reply(calls=(("temperature", {"city": "Rome"}),)), says("It is 21.5 degrees."))
    text = await post("/weather", QUESTION)
    assert '"tool":"temperature","arguments":"{\\"city\\":\\"Rome\\"}"' in text.replace(
        '": "', '":"'
    ).replace('\\": \\"', '\\":\\"')
    assert '"text":"21.5"' in text
    assert "event: message\n" in text
    assert '"stopReason":"completed"' in text


async def test_a_chat_library_reads_a_recipe_in_its_own_format(post: Any, model_server: ModelServer):
    model_server.script(says("Quite warm."))
    text = await post("/plain", CHAT)
    assert '"type":"text-delta"' in text
    assert text.endswith("data: [DONE]\n\n")

"""Teams that a function builds with AutoGen itself: each kind plays as a run, with all that a run has."""

import asyncio
import builtins
from typing import Any

import pytest

from shared.agents import (
    Agent,
    AgentEvent,
    AgentMessage,
    Agents,
    Budget,
    Conversation,
    RunStore,
    RunStream,
    Team,
    Turn,
)
from shared.agents.autogen import Parts
from shared.agents.events import InputRequired, ToolCall, ToolResult
from shared.secret import Secret
from tests.fixtures.agents import PATIENCE, AgentsMaker, ModelServer, ask, caller, calls, eventually, says
from tests.fixtures.valkey import RedisServer


async def latest(symbol: str) -> str:
    """Return the newest reading."""
    return f"{symbol} 0.82"


def speaker(parts: Parts, name: str, **options: Any) -> Any:
    from autogen_agentchat.agents import AssistantAgent

    return AssistantAgent(name, parts.model(), model_client_stream=True, **options)


def round_robin(parts: Parts) -> Any:
    from autogen_agentchat.conditions import TextMentionTermination
    from autogen_agentchat.teams import RoundRobinGroupChat

    end = TextMentionTermination("AGREED", sources=["critic"])
    return RoundRobinGroupChat(
        [speaker(parts, "analyst"), speaker(parts, "critic")], termination_condition=end
    )


def selector(parts: Parts) -> Any:
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import SelectorGroupChat

    team = [speaker(parts, "analyst", description="reads"), speaker(parts, "critic", description="doubts")]
    return SelectorGroupChat(team, parts.model(), termination_condition=MaxMessageTermination(3))


def swarm(parts: Parts) -> Any:
    from autogen_agentchat.conditions import HandoffTermination, TextMentionTermination
    from autogen_agentchat.teams import Swarm

    desk = speaker(parts, "desk", handoffs=["trader"])
    trader = speaker(parts, "trader", handoffs=["user"])
    end = HandoffTermination("user") | TextMentionTermination("BOUGHT")
    return Swarm([desk, trader], termination_condition=end)


def graph(parts: Parts) -> Any:
    from autogen_agentchat.teams import DiGraphBuilder, GraphFlow

    reader, writer = speaker(parts, "reader"), speaker(parts, "writer")
    builder = DiGraphBuilder()
    builder.add_node(reader).add_node(writer).add_edge(reader, writer)
    return GraphFlow([reader, writer], builder.build())


def society(parts: Parts) -> Any:
    from autogen_agentchat.agents import SocietyOfMindAgent

    return SocietyOfMindAgent("society", round_robin(parts), parts.model())


def agents_as_tools(parts: Parts) -> Any:
    from autogen_agentchat.tools import AgentTool

    writer = speaker(parts, "writer", description="writes")
    return speaker(parts, "chief", tools=[AgentTool(writer)], max_tool_iterations=2)


def nested(parts: Parts) -> Any:
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat

    inner = RoundRobinGroupChat([speaker(parts, "analyst")], max_turns=1, name="inner")
    return RoundRobinGroupChat(
        [inner, speaker(parts, "critic")], termination_condition=MaxMessageTermination(3)
    )


def magentic(parts: Parts) -> Any:
    from autogen_agentchat.teams import MagenticOneGroupChat

    return MagenticOneGroupChat([speaker(parts, "analyst")], parts.model(), max_turns=3)


def single(parts: Parts) -> Any:
    return speaker(parts, "analyst", tools=[parts.tool(latest)], max_tool_iterations=2)


async def workbench(parts: Parts) -> Any:
    from autogen_core.tools import StaticWorkbench

    bench = await parts.enter(StaticWorkbench([parts.tool(latest)]))
    return speaker(parts, "analyst", workbench=bench, max_tool_iterations=2)


LEDGER = """{"is_request_satisfied": {"answer": %s, "reason": ""},
"is_in_loop": {"answer": false, "reason": ""},
"is_progress_being_made": {"answer": true, "reason": ""}, "next_speaker": {"answer": "analyst", "reason": ""},
"instruction_or_question": {"answer": "Read.", "reason": ""}}"""
KINDS: dict[Any, tuple[list[Any], list[tuple[str, str]]]] = {
    round_robin: ([says("Up."), says("AGREED")], [("analyst", "Up. "), ("critic", "AGREED ")]),
    selector: (
        [says("critic"), says("No."), says("Yes.")],
        [("critic", "No. "), ("analyst", "Yes. ")],
    ),
    swarm: ([calls("transfer_to_trader"), says("BOUGHT")], [("trader", "BOUGHT ")]),
    graph: ([says("Read."), says("Written.")], [("reader", "Read. "), ("writer", "Written. ")]),
    society: (
        [says("Up."), says("AGREED"), says("Both say up.")],
        [("analyst", "Up. "), ("critic", "AGREED "), ("society", "Both say up. ")],
    ),
    agents_as_tools: (
        [calls("writer", task="Write."), says("A text."), says("Done.")],
        [("writer", "A text. "), ("chief", "Done. ")],
    ),
    nested: ([says("Up."), says("No.")], [("analyst", "Up. "), ("critic", "No. ")]),
    magentic: (
        [
            says("Facts."),
            says("Plan."),
            says(LEDGER % "false"),
            says("Up."),
            says(LEDGER % "true"),
            says("Up!"),
        ],
        [("analyst", "Up. "), ("MagenticOneOrchestrator", "Up! ")],
    ),
    single: ([calls("latest", symbol="SPY"), says("Up.")], [("analyst", "Up. ")]),
    workbench: ([calls("latest", symbol="SPY"), says("Up.")], [("analyst", "Up. ")]),
}


async def wire(stream: RunStream) -> list[Any]:
    return [event async for event in stream]


def texts(events: list[AgentEvent]) -> list[tuple[str, str]]:
    return [(each.agent, each.text) for each in events if isinstance(each, AgentMessage)]


@pytest.mark.parametrize("build", KINDS, ids=lambda build: build.__name__)
async def test_each_kind_of_team_plays_as_a_run(build: Any, agents: Agents, model_server: ModelServer):
    replies, said = KINDS[build]
    model_server.script(*replies)
    before = asyncio.all_tasks()
    events = await wire(await agents.run(build, ask(), user=caller()))
    heard = texts(events)
    assert [each for each in said if each not in heard] == []
    assert (type(events[0]).__name__, events[-1].stop_reason) in {
        ("RunStarted", "completed"),
        ("RunStarted", "turn_limit"),
    }
    assert events[-1].usage.total == 15 * len(replies)
    assert not agents._running
    assert {task for task in asyncio.all_tasks() - before if task is not agents._framework._task} == set()


def with_person(parts: Parts) -> Any:
    from autogen_agentchat.agents import UserProxyAgent
    from autogen_agentchat.teams import RoundRobinGroupChat

    return RoundRobinGroupChat([speaker(parts, "analyst"), UserProxyAgent("person")])


def endless(parts: Parts) -> Any:
    from autogen_agentchat.teams import RoundRobinGroupChat

    return RoundRobinGroupChat([speaker(parts, "analyst"), speaker(parts, "critic")])


def endless_tool(parts: Parts) -> Any:
    from autogen_agentchat.tools import TeamTool

    return speaker(parts, "chief", tools=[TeamTool(endless(parts), name="desk", description="discusses")])


def mute(parts: Parts) -> Any:
    from autogen_agentchat.agents import BaseChatAgent
    from autogen_agentchat.base import Response
    from autogen_agentchat.messages import TextMessage
    from autogen_agentchat.teams import RoundRobinGroupChat

    class Echo(BaseChatAgent):
        produced_message_types = (TextMessage,)

        async def on_messages(self, messages: Any, cancellation_token: Any) -> Response:
            return Response(chat_message=TextMessage(content="echo", source=self.name))

        async def on_reset(self, cancellation_token: Any) -> None: ...

    return RoundRobinGroupChat([Echo("a", "echoes"), Echo("b", "echoes")])


def swarm_with_person(parts: Parts) -> Any:
    from autogen_agentchat.agents import UserProxyAgent
    from autogen_agentchat.conditions import TextMentionTermination
    from autogen_agentchat.teams import Swarm

    desk, trader = speaker(parts, "desk", handoffs=["trader"]), speaker(parts, "trader", handoffs=["person"])
    team = [desk, trader, UserProxyAgent("person")]
    return Swarm(team, termination_condition=TextMentionTermination("BOUGHT"))


def broken(parts: Parts) -> Any:
    from autogen_agentchat.agents import BaseChatAgent
    from autogen_agentchat.messages import TextMessage

    class Broken(BaseChatAgent):
        produced_message_types = (TextMessage,)

        async def on_messages(self, messages: Any, cancellation_token: Any) -> Any:
            raise ValueError(f"cannot read {messages[-1].content}")

        async def on_reset(self, cancellation_token: Any) -> None: ...

    return Broken("broken", "breaks")


def team_of_broken(parts: Parts) -> Any:
    from autogen_agentchat.teams import RoundRobinGroupChat

    return RoundRobinGroupChat([broken(parts)])


sold: list[int] = []


async def sell(shares: int) -> str:
    """Sell shares."""
    sold.append(shares)
    return f"sold {shares}"


def seller(parts: Parts) -> Any:
    tools = [parts.tool(sell, approval=True)]
    return speaker(parts, "seller", tools=tools, max_tool_iterations=2)


def question_of(events: list[Any]) -> InputRequired:
    return next(event for event in events if isinstance(event, InputRequired))


def answer(question: InputRequired, text: str, **options: Any) -> Conversation:
    turns = (
        Turn(role="user", content="Sell 5."),
        Turn(role="assistant", agent=question.agent, content=question.question),
        Turn(role="user", content=text),
    )
    return Conversation(messages=turns, continuation=question.continuation, **options)


@pytest.mark.parametrize(
    "build", [round_robin, selector, swarm, graph, society, agents_as_tools, nested, magentic]
)
async def test_whatever_the_kind_nothing_is_left_of_a_run_whose_reader_has_gone(
    build: Any, agents: Agents, model_server: ModelServer
):
    replies, _ = KINDS[build]
    held = says("never to be heard", hold_after=1)
    model_server.script(*replies[:-1], held)
    before = asyncio.all_tasks()
    stream = await agents.run(build, ask(), user=caller())
    reading = asyncio.create_task(wire(stream))
    await model_server.held()
    await stream._close()  # type: ignore[misc]
    reading.cancel()
    await model_server.client_left()
    await asyncio.gather(reading, return_exceptions=True)
    assert {task for task in asyncio.all_tasks() - before if task is not agents._framework._task} == set()
    assert not agents._running


async def test_a_built_team_is_ended_by_its_id(agents: Agents, model_server: ModelServer):
    model_server.script(says("never to be heard", hold_after=1))
    stream = await agents.run(round_robin, ask(), user=caller())
    run_id = (await anext(stream)).run_id  # type: ignore[union-attr]
    await model_server.held()
    await agents.stop(run_id, user=caller())
    assert (await wire(stream))[-1].stop_reason == "cancelled"


@pytest.mark.parametrize("build", [endless, endless_tool])
async def test_a_team_without_an_end_ends_when_its_tokens_are_used_up(
    build: Any, agents: Agents, model_server: ModelServer
):
    is_chief = [True]

    def choose(_: object) -> Any:
        return (
            calls("desk", task="Discuss.")
            if build is endless_tool and is_chief and is_chief.pop()
            else says("More.")
        )

    model_server.choose = choose
    async with asyncio.timeout(PATIENCE):
        events = await wire(await agents.run(build, ask(), user=caller(), budget=Budget(tokens=100)))
    assert events[-1].stop_reason == "token_limit"
    assert len(model_server.requests) == 7


async def test_a_team_that_asks_no_model_ends_at_its_limit_of_messages(agents: Agents):
    async with asyncio.timeout(PATIENCE):
        events = await wire(await agents.run(mute, ask(), user=caller(), budget=Budget(messages=6)))
    assert len(texts(events)) == 6
    assert events[-1].stop_reason == "turn_limit"


async def test_a_refusal_in_a_built_team_is_heard_and_ends_the_run(agents: Agents, model_server: ModelServer):
    model_server.script(says("Up."), says("", refusal=("I ", "will not.")), says("More."))
    events = await wire(await agents.run(endless, ask(), user=caller()))
    assert texts(events) == [("analyst", "Up. "), ("critic", "I will not.")]
    assert events[-1].stop_reason == "refusal"


async def test_old_messages_are_known_to_the_model_and_meet_no_termination_condition(
    agents: Agents, model_server: ModelServer
):
    from autogen_agentchat.conditions import TextMentionTermination
    from autogen_agentchat.teams import RoundRobinGroupChat

    def build(parts: Parts) -> Any:
        end = TextMentionTermination("AGREED")
        return RoundRobinGroupChat(
            [speaker(parts, "analyst", system_message="Read.")], termination_condition=end
        )

    model_server.script(says("AGREED"))
    past = (Turn(role="user", content="Up?"), Turn(role="assistant", agent="analyst", content="AGREED"))
    conversation = Conversation(messages=(*past, Turn(role="user", content="Why?")))
    events = await wire(await agents.run(build, conversation, user=caller()))
    assert texts(events) == [("analyst", "AGREED ")]
    sent = [(each["role"], each["content"]) for each in model_server.requests[0]["messages"]]
    assert sent == [("system", "Read."), ("user", "Up?"), ("assistant", "AGREED"), ("user", "Why?")]


async def test_a_user_proxy_asks_the_person_and_never_the_terminal(
    agents: Agents, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
):
    typed: list[str] = []
    monkeypatch.setattr("shared.agents.autogen.input._read_line", typed.append)
    model_server.script(says("Which symbol?"))
    before = asyncio.all_tasks()
    async with asyncio.timeout(PATIENCE):
        events = await wire(await agents.run(with_person, ask(), user=caller()))
    question = question_of(events)
    assert (question.agent, question.question, question.call) == ("person", "Which symbol? ", None)
    assert events[-1].stop_reason == "input_required"
    assert typed == []
    assert {task for task in asyncio.all_tasks() - before if task is not agents._framework._task} == set()
    model_server.script(says("SPY is up. Which next?"))
    events = await wire(await agents.run(with_person, answer(question, "SPY"), user=caller()))
    assert texts(events) == [("analyst", "SPY is up. Which next? ")]


async def test_input_outside_of_a_run_reads_as_ever(agents: Agents, monkeypatch: pytest.MonkeyPatch):
    await agents._framework.load()
    monkeypatch.setattr("shared.agents.autogen.input._read_line", lambda prompt: f"typed at {prompt}")
    assert await asyncio.to_thread(builtins.input, "here") == "typed at here"


async def test_a_swarm_hands_over_to_the_person_and_goes_on_with_the_agent_who_asked(
    agents: Agents, model_server: ModelServer
):
    model_server.script(calls("transfer_to_trader"), calls("transfer_to_user"))
    events = await wire(await agents.run(swarm, ask(), user=caller()))
    question = question_of(events)
    assert (question.agent, events[-1].stop_reason) == ("trader", "input_required")
    model_server.script(says("BOUGHT"))
    events = await wire(await agents.run(swarm, answer(question, "Yes, buy."), user=caller()))
    assert texts(events) == [("trader", "BOUGHT ")]
    assert events[-1].stop_reason == "completed"


async def test_a_swarm_goes_on_with_the_agent_who_handed_over_to_a_user_proxy(
    agents: Agents, model_server: ModelServer
):
    model_server.script(calls("transfer_to_trader"), calls("transfer_to_person"))
    question = question_of(await wire(await agents.run(swarm_with_person, ask(), user=caller())))
    assert question.agent == "trader"
    model_server.script(says("BOUGHT"))
    events = await wire(await agents.run(swarm_with_person, answer(question, "Yes."), user=caller()))
    assert texts(events) == [("trader", "BOUGHT ")]


@pytest.mark.parametrize("build", [broken, team_of_broken])
async def test_an_agent_that_breaks_quotes_the_conversation_to_nobody(
    build: Any, agents: Agents, caplog: pytest.LogCaptureFixture
):
    events = await wire(await agents.run(build, ask("canary-question"), user=caller()))
    assert events[-1].code == "internal_error"
    assert "ValueError at test_built_teams.py" in caplog.text
    assert "canary" not in caplog.text + repr(events)


async def test_a_detached_run_of_a_built_team_is_resumed(
    make_agents: AgentsMaker, model_server: ModelServer, redis_server: RedisServer
):
    model_server.script(says("Up."), says("AGREED"))
    async with make_agents(store=RunStore.from_url(Secret(redis_server.url))) as agents:
        first = await wire(await agents.run(round_robin, ask(), user=caller(), detach=True))
        again = await wire(await agents.resume(first[0].run_id, user=caller()))
    assert again == first
    assert texts(again) == [("analyst", "Up. "), ("critic", "AGREED ")]


async def test_a_tool_call_waits_for_approval_and_is_made_once_it_is_approved(
    agents: Agents, model_server: ModelServer
):
    sold.clear()
    model_server.script(calls("sell", shares=5), says("Sold."))
    events = await wire(await agents.run(seller, ask("Sell 5."), user=caller()))
    question = question_of(events)
    assert question.call == ToolCall(
        call_id="call_1_0", agent="seller", tool="sell", arguments='{"shares":5}'
    )
    assert (question.agent, question.question) == ("seller", 'May sell be called with {"shares":5}?')
    assert events[-1].stop_reason == "input_required"
    assert [each for each in events if isinstance(each, ToolResult)] == []
    assert sold == []
    model_server.script(calls("sell", shares=5), says("Sold."))
    events = await wire(await agents.run(seller, answer(question, "Yes.", approved=True), user=caller()))
    assert sold == [5]
    assert [each.text for each in events if isinstance(each, ToolResult)] == ["sold 5"]
    assert events[-1].stop_reason == "completed"


@pytest.mark.parametrize(
    ("shares", "approved", "ending"),
    [(5, False, "completed"), (6, True, "input_required"), (5, None, "input_required")],
)
async def test_a_call_that_was_not_approved_as_it_is_is_not_made(
    shares: int, approved: bool | None, ending: str, agents: Agents, model_server: ModelServer
):
    sold.clear()
    model_server.script(calls("sell", shares=5))
    question = question_of(await wire(await agents.run(seller, ask("Sell 5."), user=caller())))
    model_server.script(calls("sell", shares=shares), says("Then not."))
    reply = answer(question, "Yes.", approved=approved)
    events = await wire(await agents.run(seller, reply, user=caller()))
    assert sold == []
    assert events[-1].stop_reason == ending


async def test_an_agent_of_the_short_form_asks_for_approval_too(agents: Agents, model_server: ModelServer):
    sold.clear()
    team = Team("desk", (Agent("seller", "Sell.", approve=(sell,)),))
    model_server.script(calls("sell", shares=5), says("Sold."))
    question = question_of(await wire(await agents.run(team, ask("Sell 5."), user=caller())))
    assert (question.agent, sold) == ("seller", [])
    model_server.script(calls("sell", shares=5), says("Sold."))
    events = await wire(await agents.run(team, answer(question, "Yes.", approved=True), user=caller()))
    assert (texts(events), sold) == ([("seller", "Sold. ")], [5])


async def test_an_approval_is_good_for_one_call(agents: Agents, model_server: ModelServer):
    sold.clear()
    model_server.script(calls("sell", shares=5))
    question = question_of(await wire(await agents.run(seller, ask("Sell 5."), user=caller())))
    model_server.script(calls("sell", shares=5))
    reply = answer(question, "Yes.", approved=True)
    events = await wire(await agents.run(seller, reply, user=caller()))
    assert sold == [5]
    assert events[-1].stop_reason == "input_required"


async def test_what_is_no_team_is_told_to_the_developer_alone(
    agents: Agents, caplog: pytest.LogCaptureFixture
):
    events = await wire(await agents.run(lambda _: "a team", ask(), user=caller(), name="mine"))
    assert events[-1].code == "internal_error"
    assert "mine returned a str; return a team or an agent of autogen_agentchat" in caplog.text


async def test_a_slow_reader_holds_a_built_team_back(agents: Agents, model_server: ModelServer):
    model_server.script(says("word " * 500))
    stream = await agents.run(endless, ask(), user=caller())
    await anext(stream)
    run = next(iter(agents._running.values()))
    await eventually(lambda: not run._channel._room.is_set())
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(model_server.requests) == 1
    await stream.aclose()

"""A team or an agent of AutoGen, played to its end or the run's."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import msgspec
from autogen_agentchat.base import ChatAgent, TaskResult, Team
from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    BaseTextChatMessage,
    HandoffMessage,
    ModelClientStreamingChunkEvent,
    TextMessage,
    ToolCallSummaryMessage,
    UserInputRequestedEvent,
)
from autogen_agentchat.teams import Swarm
from autogen_core import CancellationToken

from shared.agents.autogen.asides import Asides
from shared.agents.autogen.building.turns import RESUMABLE, Turns, is_pause
from shared.agents.autogen.failure import framework_failure
from shared.agents.characters import whole
from shared.agents.conversation.lengths import MAX_QUESTION
from shared.agents.conversation.transcript import Turn
from shared.agents.events import AgentEvent, AgentMessage, StopReason, ToolCall, ToolResult
from shared.agents.questions.question import PersonReply, Question
from shared.agents.running.run import TeamRun
from shared.errors import AnnexError

CLOSE_TIMEOUT = 0.02
"""Seconds for a team to stop by itself when the run is over; then its tasks are cancelled."""

MAX_LAST_MESSAGES = 20
"""Messages after the run's end: one was under way in each branch of a graph."""

_STOP_REASONS: dict[str, StopReason] = {
    "Maximum number of": "turn_limit",
    "Token usage limit": "token_limit",
}
"""How AutoGen's own conditions begin to say why they ended a team; every other end is `completed`."""


def task_of(runner: ChatAgent | Team, turn: Turn, reply: PersonReply | None) -> BaseChatMessage:
    """Return the person's message as the team's task; a swarm goes on with the agent who asked."""
    content = whole(turn.content)
    if isinstance(runner, Swarm) and reply is not None:
        return HandoffMessage(content=content, source="user", target=reply.agent)
    return TextMessage(content=content, source="user")


async def play(  # noqa: PLR0913  what one run has
    runner: ChatAgent | Team,
    task: BaseChatMessage,
    run: TeamRun,
    asides: Asides,
    token: CancellationToken,
    *,
    standing: Turns | None = None,
    trace_messages: bool,
) -> AsyncGenerator[AgentEvent]:
    """Yield what the team says, until it ends or the run does.

    A run that outlives its process begins with the state that is kept of it, where there is one, and has
    the state kept whenever the team stands.

    Raises:
        AnnexError: the run failed for a reason the caller may know.
        FrameworkFailed: AutoGen failed; carries no message text.
    """
    stream = _said(runner, task, run, standing, token)
    listener = _Listener(run)
    try:
        async for message in stream:
            if isinstance(message, TaskResult):
                listener.end(message)
                break
            for event in listener.heard(message, asides):
                yield event
            if listener.is_over(message):
                break
    except AnnexError:
        raise
    except Exception as error:
        if trace_messages:
            raise
        raise framework_failure(error) from None
    finally:
        await _close(stream, token, is_over=run.ending is not None)


async def _said(
    runner: ChatAgent | Team,
    task: BaseChatMessage,
    run: TeamRun,
    standing: Turns | None,
    token: CancellationToken,
) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult]:
    """Yield what a team says, turn after turn where it stands between them."""
    next_task: list[BaseChatMessage] | None = [task]
    team = runner if isinstance(runner, RESUMABLE) else None
    if standing is not None and run.kept is not None and team is not None:
        standing.is_on = True
        if run.kept.state is not None:
            await standing.restore(team, run.kept.state)
            next_task = None
    while True:
        turn = runner.run_stream(task=next_task, cancellation_token=token, output_task_messages=False)
        result: TaskResult | None = None
        async with aclosing(turn):
            async for message in turn:
                if isinstance(message, TaskResult):
                    result = message
                else:
                    yield message
        if standing is None or team is None or result is None or not is_pause(result) or run.ending:
            if result is not None:
                yield result
            return
        await run.stand(await standing.state(team))
        next_task = None


class _Listener:
    """Counts what a team says, and notices when it needs the person."""

    def __init__(self, run: TeamRun) -> None:
        self._run = run
        self._left = run.budget.messages
        self._last_text = ""
        self._callers: dict[str, str] = {}
        self._handed_over: dict[str, str] = {}

    def heard(self, message: BaseAgentEvent | BaseChatMessage, asides: Asides) -> list[AgentEvent]:
        """Return the events for the reader."""
        if message.source == "user" or self._repeats_question(message):
            return []  # the task of a team that is the tool of another
        if isinstance(message, UserInputRequestedEvent):
            self._ask(self._handed_over.pop(message.source, message.source), "Please answer.")
            return []
        if isinstance(message, HandoffMessage):
            self._handed_over[message.target] = message.source
        events = list(asides.translate(message))
        for event in events:
            self._note(event)
        events = [event for event in events if not self._awaits_approval(event)]
        if isinstance(message, BaseChatMessage):
            events.append(self._run.usage)
        if not isinstance(message, ModelClientStreamingChunkEvent):
            self._left -= 1
            if self._left <= 0:
                self._run.conclude("turn_limit")
        return events

    def is_over(self, message: BaseAgentEvent | BaseChatMessage) -> bool:
        """Whether nothing follows `message` that belongs to the run."""
        if self._run.ending is None:
            return False
        self._left = min(self._left, MAX_LAST_MESSAGES)
        is_silence = isinstance(message, BaseTextChatMessage) and not message.content  # a refused call
        return (
            is_silence
            or self._left <= 0
            or isinstance(message, UserInputRequestedEvent | ToolCallSummaryMessage)
        )

    def end(self, result: TaskResult) -> None:
        """Note how the team ended by itself; a hand-off that no agent took is one to the person."""
        reason = result.stop_reason or ""
        last = result.messages[-1] if result.messages else None
        if isinstance(last, HandoffMessage) and reason.startswith("Handoff to"):
            self._ask(last.source, last.content)
        self._run.conclude(
            next((name for start, name in _STOP_REASONS.items() if reason.startswith(start)), "completed")
        )

    def _note(self, event: AgentEvent) -> None:
        if isinstance(event, AgentMessage):
            self._last_text = event.text
        elif isinstance(event, ToolCall):
            self._callers[event.call_id] = event.agent
        question = self._run.question
        if question and question.call and question.call.call_id in self._callers:
            agent = self._callers.pop(question.call.call_id)  # the tool itself does not know it
            call = msgspec.structs.replace(question.call, agent=agent)
            self._run.question = msgspec.structs.replace(question, agent=agent, call=call)

    def _awaits_approval(self, event: AgentEvent) -> bool:
        question = self._run.question
        return (
            isinstance(event, ToolResult)
            and question is not None
            and question.call is not None
            and event.call_id == question.call.call_id
        )

    def _repeats_question(self, message: BaseAgentEvent | BaseChatMessage) -> bool:
        return isinstance(message, ToolCallSummaryMessage) and self._run.question is not None

    def _ask(self, agent: str, prompt: str) -> None:
        text = (self._last_text or prompt)[:MAX_QUESTION]
        self._run.ask(Question(agent=agent, text=text))


async def _close(
    stream: AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult],
    token: CancellationToken,
    *,
    is_over: bool,
) -> None:
    """Close a stream; where the run is over, without waiting for a team that goes on."""
    if is_over:
        token.cancel()
    with suppress(TimeoutError, asyncio.CancelledError, RuntimeError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await stream.aclose()

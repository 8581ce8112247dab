"""Plays a team with AutoGen: one runtime, group chat and model view per run; only clients are shared."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult, TerminationCondition
from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    StopMessage,
    StructuredMessage,
    TextMessage,
)
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, SingleThreadedAgentRuntime
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import AssistantMessage, LLMMessage, UserMessage
from autogen_core.tools import BaseTool
from opentelemetry.trace import NoOpTracerProvider
from pydantic import BaseModel

from shared.agents.autogen.clients import ModelClients
from shared.agents.autogen.failure import framework_failure
from shared.agents.autogen.model import RunModel
from shared.agents.autogen.output import pydantic_model
from shared.agents.autogen.tools import RunTool, asking_tool
from shared.agents.autogen.translation import translate
from shared.agents.events import AgentEvent
from shared.agents.running.run import Run
from shared.agents.team import Agent, Team, Tool
from shared.agents.transcript import Turn

_TALKATIVE = (
    "autogen_core",
    "autogen_core.events",
    "autogen_core.trace",
    "autogen_agentchat.events",
    "openai",
)
_TOOL_THREADS = 16


class AutoGen:
    """Holds what runs may share: the model clients, and the threads that blocking tools run in.

    Args:
        clients: the process's model clients.
        trace_messages: whether spans may carry message text.
    """

    def __init__(self, clients: ModelClients, *, trace_messages: bool = False) -> None:
        self._clients = clients
        self._trace_messages = trace_messages
        self._threads = ThreadPoolExecutor(_TOOL_THREADS, thread_name_prefix="agent-tool")
        for name in _TALKATIVE:  # they log whole messages, at levels from DEBUG to ERROR
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def require(self, team: Team) -> None:
        """Raise `AgentsUnavailable` when there is no model for this team."""
        self._clients.client(team)

    async def play(self, team: Team, turns: Sequence[Turn], run: Run) -> AsyncGenerator[AgentEvent]:
        """Yield what the team says about the last of `turns`.

        Raises:
            AnnexError: the run broke off for a reason the caller may know.
            FrameworkFailed: AutoGen broke off; carries no message text.
        """
        token = CancellationToken()
        run.on_stop(token.cancel)
        runtime = SingleThreadedAgentRuntime(tracer_provider=NoOpTracerProvider())
        client = RunModel(self._clients.client(team), run, trace_messages=self._trace_messages)
        forms = {agent.name: pydantic_model(agent.output) for agent in team.agents if agent.output}
        group = RoundRobinGroupChat(
            [self._member(agent, forms.get(agent.name), client, turns[:-1], run) for agent in team.agents],
            termination_condition=_Ending(team, run),
            runtime=runtime,
            custom_message_types=[StructuredMessage[form] for form in forms.values()],  # type: ignore[valid-type]  # made at run time
        )
        driver = asyncio.create_task(_drive(runtime))
        try:
            task = [TextMessage(content=turns[-1].content, source="user")]
            async for message in group.run_stream(
                task=task, cancellation_token=token, output_task_messages=False
            ):
                if isinstance(message, TaskResult):
                    break
                for event in translate(message):
                    yield event
                if isinstance(message, BaseChatMessage):
                    yield run.usage
        except RuntimeError as error:  # what AutoGen makes of every exception inside a team
            if self._trace_messages:
                raise
            raise framework_failure(error) from None
        finally:
            driver.cancel()

    async def close(self) -> None:
        """Close the clients; a tool thread that still blocks is left to its end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._clients.close()

    def _member(
        self, agent: Agent, form: type[BaseModel] | None, client: RunModel, past: Sequence[Turn], run: Run
    ) -> AssistantAgent:
        tools: list[BaseTool[Any, Any] | Tool] = [
            RunTool(function, run, self._threads) for function in agent.tools
        ]
        if agent.may_ask:
            tools.append(asking_tool(agent.name, run, self._threads))
        return AssistantAgent(
            agent.name,
            client,
            tools=tools or None,
            model_context=UnboundedChatCompletionContext([_remembered(turn, agent) for turn in past]),
            description=agent.name,
            system_message=agent.instructions,
            model_client_stream=True,
            reflect_on_tool_use=True,
            max_tool_iterations=agent.tool_rounds,
            output_content_type=form,
        )


class _Ending(TerminationCondition):
    """Ends the group chat politely: when the run is over, when the word is said, or after the last turn."""

    def __init__(self, team: Team, run: Run) -> None:
        self._team = team
        self._run = run
        self._turns_left = team.max_turns if len(team.agents) > 1 else 1

    @property
    def terminated(self) -> bool:
        return False

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        said = [message for message in messages if isinstance(message, BaseChatMessage)]
        if not said or said[-1].source == "user":
            return None
        self._turns_left -= 1
        if self._team.until and self._team.until in said[-1].to_text():
            self._run.conclude("completed")
        elif self._turns_left == 0:
            self._run.conclude("turn_limit" if self._team.until else "completed")
        return StopMessage(content="over", source="run") if self._run.ending is not None else None

    async def reset(self) -> None:
        """Nothing to take back: an ending belongs to one run."""


def _remembered(turn: Turn, agent: Agent) -> LLMMessage:
    if turn.role == "assistant" and turn.agent in {None, agent.name}:
        return AssistantMessage(content=turn.content, source=agent.name)
    return UserMessage(content=turn.content, source=turn.agent or turn.role)


async def _drive(runtime: SingleThreadedAgentRuntime) -> None:
    """Deliver the runtime's messages until cancelled.

    Not by its own `start` and `stop`: they take the queue away from handlers that still run, and each of them
    then fails with an exception that nobody retrieves.
    """
    while True:
        await runtime.process_next()

"""Plays a team with AutoGen: one runtime, group chat and model view per run; only clients are shared."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
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

from shared.agents.autogen.asides import Asides
from shared.agents.autogen.characters import whole
from shared.agents.autogen.clients import ModelClients
from shared.agents.autogen.failure import framework_failure
from shared.agents.autogen.model import RunModel
from shared.agents.autogen.output import pydantic_model
from shared.agents.autogen.share import Share, Shares
from shared.agents.autogen.tools import RunTool, asking_tool
from shared.agents.events import AgentEvent
from shared.agents.running.run import Run
from shared.agents.silence import silence
from shared.agents.team import Agent, Team
from shared.agents.tool import Tool
from shared.agents.transcript import Turn


class AutoGen:
    """Holds what runs share: the model clients, and the limit of their tools.

    Args:
        clients: the process's model clients.
        trace_messages: whether spans may carry message text.
    """

    def __init__(self, clients: ModelClients, *, trace_messages: bool = False) -> None:
        self._clients = clients
        self._trace_messages = trace_messages
        self._shares = Shares()
        silence()

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
        client = self._clients.client(team)
        asides, share = Asides(), self._shares.share()
        forms = {agent.name: pydantic_model(agent.output) for agent in team.agents if agent.output}
        task = TextMessage(content=whole(turns[-1].content), source="user")
        group = RoundRobinGroupChat(
            [
                self._member(
                    agent,
                    forms.get(agent.name),
                    RunModel(client, run, trace_messages=self._trace_messages, asides=asides),
                    turns[:-1],
                    run,
                    share,
                )
                for agent in team.agents
            ],
            termination_condition=_Ending(team, run, task),
            runtime=runtime,
            custom_message_types=[StructuredMessage[form] for form in forms.values()],  # type: ignore[valid-type]  # made at run time
        )
        driver = asyncio.create_task(_drive(runtime))
        try:
            async for message in group.run_stream(
                task=[task], cancellation_token=token, output_task_messages=False
            ):
                if isinstance(message, TaskResult):
                    break
                for event in asides.translate(message):
                    yield event
                if isinstance(message, BaseChatMessage):
                    yield run.usage
        except RuntimeError as error:  # what AutoGen makes of every exception inside a team
            if self._trace_messages:
                raise
            raise framework_failure(error) from None
        finally:
            driver.cancel()
            share.close()

    async def close(self) -> None:
        """Close the clients."""
        await self._clients.close()

    def _member(
        self,
        agent: Agent,
        form: type[BaseModel] | None,
        client: RunModel,
        past: Sequence[Turn],
        run: Run,
        share: Share,
    ) -> AssistantAgent:
        tools: list[BaseTool[Any, Any] | Tool] = [RunTool(function, run, share) for function in agent.tools]
        if agent.may_ask:
            tools.append(asking_tool(agent.name, run, share))
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

    def __init__(self, team: Team, run: Run, task: BaseChatMessage) -> None:
        self._team = team
        self._run = run
        self._task = task
        self._turns_left = team.max_turns if len(team.agents) > 1 else 1

    @property
    def terminated(self) -> bool:
        return False

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        said = [message for message in messages if isinstance(message, BaseChatMessage)]
        if not said or said[-1].id == self._task.id:
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
        return AssistantMessage(content=whole(turn.content), source=agent.name)
    return UserMessage(content=whole(turn.content), source=turn.agent or turn.role)


async def _drive(runtime: SingleThreadedAgentRuntime) -> None:
    """Deliver the runtime's messages until cancelled.

    Not by its own `start` and `stop`: they take the queue away from handlers that still run, and each of them
    then fails with an exception that nobody retrieves.
    """
    while True:
        await runtime.process_next()

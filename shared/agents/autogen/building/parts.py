"""What a run gives to the function that builds its team: model clients, tools, a runtime."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cached_property
from typing import Any, Self

from autogen_agentchat.base import TerminationCondition
from autogen_core import SingleThreadedAgentRuntime
from autogen_core.models import AssistantMessage, ChatCompletionClient, LLMMessage, UserMessage
from autogen_core.tools import BaseTool
from opentelemetry.trace import NoOpTracerProvider

from shared.agents.autogen.asides import Asides
from shared.agents.autogen.building.share import Share
from shared.agents.autogen.building.tools import ApprovedTool, RunTool, asking_tool
from shared.agents.autogen.building.turns import Turns
from shared.agents.autogen.models.model_client import ModelClient
from shared.agents.autogen.models.run_model import RunModel
from shared.agents.characters import whole
from shared.agents.conversation.transcript import Turn
from shared.agents.running.run import TeamRun
from shared.agents.tool import Tool, refuse_tool

type Models = Callable[[str | None], ModelClient]


class Parts:
    """The parts of one run; a team that is made of others is outside of the run's budget and limits.

    Attributes:
        past: the conversation before the message that the team is to answer, oldest first.
        standing: what `turns` returned.
    """

    def __init__(
        self, run: TeamRun, models: Models, share: Share, past: Sequence[Turn], *, trace_messages: bool
    ) -> None:
        self.past = tuple(past)
        self.asides = Asides()
        self.standing: Turns | None = None
        self._run = run
        self._models = models
        self._share = share
        self._trace_messages = trace_messages
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._share.close()
        await self._stack.aclose()

    def model(self, name: str | None = None, *, remembers: bool = True) -> ChatCompletionClient:
        """Return a client of a model: counted, bounded, traced, stopped with the run.

        Args:
            name: as `ANNEX_MODELS` has it; the service's `ANNEX_MODEL` by default.
            remembers: give the model the past conversation in front of what an agent sends. It is not part of
                the task, so that no termination condition finds its word in an old message.

        Raises:
            AgentsUnavailable: there is no model of this name, or its provider's key is not set.
        """
        past = [_message(turn) for turn in self.past] if remembers else []
        return RunModel(
            self._models(name), self._run, trace_messages=self._trace_messages, asides=self.asides, past=past
        )

    def tool(self, function: Tool, *, approval: bool = False) -> BaseTool[Any, Any]:
        """Return a function as a tool: within the run's share of threads, cancellable, silent in logs.

        Args:
            function: with a docstring and annotated parameters.
            approval: end the run with `input_required` before a call, and make the call in the run that
                continues with the person's approval of it.

        Raises:
            ValueError: a model could not use it, or must not.
        """
        refuse_tool("the team", function)
        make = ApprovedTool if approval else RunTool
        return make(function, self._run, self._share)

    def turns(self, end: TerminationCondition) -> TerminationCondition:
        """Return the termination condition of a team that another worker can take up after each turn.

        For `RoundRobinGroupChat`, `SelectorGroupChat`, `Swarm` and `GraphFlow`, in a run that is detached or
        that a job plays (`agents.work`); elsewhere it is no more than `end`. Such a team has no `max_turns`,
        which AutoGen counts anew after each turn: give a `MaxMessageTermination` as part of `end`.
        """
        self.standing = Turns(end)
        return self.standing

    def question_tool(self, agent: str) -> BaseTool[Any, Any]:
        """Return the tool `ask_user`, by which `agent` ends the run with a question to the person."""
        return asking_tool(agent, self._run, self._share)

    async def enter[T](self, resource: AbstractAsyncContextManager[T]) -> T:
        """Open a resource, such as a workbench, and close it with the run."""
        return await self._stack.enter_async_context(resource)

    @cached_property
    def runtime(self) -> SingleThreadedAgentRuntime:
        """A runtime that is driven until the run ends; teams have one of their own without it."""
        runtime = SingleThreadedAgentRuntime(tracer_provider=NoOpTracerProvider())
        driver = asyncio.create_task(_drive(runtime))
        self._stack.callback(driver.cancel)
        return runtime


def _message(turn: Turn) -> LLMMessage:
    if turn.role == "assistant":
        return AssistantMessage(content=whole(turn.content), source=turn.agent or "assistant")
    return UserMessage(content=whole(turn.content), source="user")


async def _drive(runtime: SingleThreadedAgentRuntime) -> None:
    """Deliver the runtime's messages until cancelled.

    Not by its own `start` and `stop`: they take the queue away from handlers that still run, and each of them
    then fails with an exception that nobody retrieves.
    """
    while True:
        await runtime.process_next()

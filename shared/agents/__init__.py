"""Agents: a team for each request, streamed, cancellable and bounded, independent of a framework."""

from shared.agents.conversation.transcript import Conversation, Turn
from shared.agents.detached.record import event_number
from shared.agents.detached.store import RunStore
from shared.agents.events import (
    AgentEvent,
    AgentMessage,
    CustomEvent,
    InputRequired,
    MessageDelta,
    Reasoning,
    ReasoningDelta,
    RunDone,
    RunFailed,
    RunStarted,
    TokenUsage,
    ToolCall,
    ToolResult,
)
from shared.agents.running.limits import Budget, RunLimits
from shared.agents.runs import Agents
from shared.agents.settings import ModelSettings, NamedModel
from shared.agents.stream import RunStream
from shared.agents.team import Agent, Team

__all__ = [
    "Agent",
    "AgentEvent",
    "AgentMessage",
    "Agents",
    "Budget",
    "Conversation",
    "CustomEvent",
    "InputRequired",
    "MessageDelta",
    "ModelSettings",
    "NamedModel",
    "Reasoning",
    "ReasoningDelta",
    "RunDone",
    "RunFailed",
    "RunLimits",
    "RunStarted",
    "RunStore",
    "RunStream",
    "Team",
    "TokenUsage",
    "ToolCall",
    "ToolResult",
    "Turn",
    "event_number",
]

"""Agents beside the app: a team per request, streamed, cancellable, bounded, in no framework's words."""

from shared.agents.events import (
    AgentEvent,
    Custom,
    Done,
    Error,
    InputRequired,
    Message,
    MessageDelta,
    RunStarted,
    ToolCall,
    ToolResult,
    Usage,
)
from shared.agents.limits import Budget, RunLimits
from shared.agents.runs import Agents
from shared.agents.settings import ModelSettings
from shared.agents.team import Agent, Team
from shared.agents.transcript import Conversation, Turn

__all__ = [
    "Agent",
    "AgentEvent",
    "Agents",
    "Budget",
    "Conversation",
    "Custom",
    "Done",
    "Error",
    "InputRequired",
    "Message",
    "MessageDelta",
    "ModelSettings",
    "RunLimits",
    "RunStarted",
    "Team",
    "ToolCall",
    "ToolResult",
    "Turn",
    "Usage",
]

"""The events of a run, independent of any agent framework.

Every adapter translates into these; the browser, the tests and the store know nothing else. A run begins with
`RunStarted` and ends with exactly one of `RunDone` and `RunFailed`.
"""

from typing import Any, Literal

from shared.events import Event
from shared.instant import Instant

type StopReason = Literal[
    "completed",
    "turn_limit",
    "token_limit",
    "cancelled",
    "input_required",
    "length",
    "content_filter",
    "refusal",
    "tool_limit",
]
"""Why a run is done.

``length``: the model's answer was cut off at its limit or ours. ``content_filter``: the provider's filter
removed it. ``refusal``: the model will not answer. ``tool_limit``: it called tools again and again and never
answered.
"""


class RunStarted(Event, tag="run_started", frozen=True, kw_only=True, rename="camel"):
    """The run was admitted; `run_id` is what `DELETE /agents/runs/{run_id}` takes."""

    run_id: str


class MessageDelta(Event, tag="message_delta", frozen=True, kw_only=True, rename="camel"):
    """A piece of a message that is being written; the whole follows as `AgentMessage` with the same id."""

    message_id: str
    agent: str
    text: str


class AgentMessage(Event, tag="message", frozen=True, kw_only=True, rename="camel"):
    """A finished message of one agent.

    Attributes:
        data: the structured output, where the agent was asked for one.
    """

    message_id: str
    agent: str
    text: str
    data: Any = None


class ReasoningDelta(Event, tag="reasoning_delta", frozen=True, kw_only=True, rename="camel"):
    """A piece of what a model thinks before it speaks; the whole follows as `Reasoning` with the same id.

    Only where the function asked for its reasoning.
    """

    reasoning_id: str
    agent: str
    text: str


class Reasoning(Event, tag="reasoning", frozen=True, kw_only=True, rename="camel"):
    """What a model thought before it spoke."""

    reasoning_id: str
    agent: str
    text: str


class ToolCall(Event, tag="tool_call", frozen=True, kw_only=True, rename="camel"):
    """An agent asks for a tool; `arguments` is JSON text as the model wrote it."""

    call_id: str
    agent: str
    tool: str
    arguments: str


class ToolResult(Event, tag="tool_result", frozen=True, kw_only=True, rename="camel"):
    """What the tool answered, as the model reads it."""

    call_id: str
    agent: str
    tool: str
    text: str
    failed: bool = False


class InputRequired(Event, tag="input_required", frozen=True, kw_only=True, rename="camel"):
    """The team needs an answer from a person; the run ends here.

    Attributes:
        call: the tool call that the person is asked to approve; None for a question in words. The answer has
            `approved` in its conversation.
        continuation: sent back once, with the answer, before `expires_at`, by the same user.
    """

    agent: str
    question: str
    continuation: str
    expires_at: Instant
    call: ToolCall | None = None


class TokenUsage(Event, tag="usage", frozen=True, kw_only=True, rename="camel"):
    """Tokens of the run so far."""

    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def total(self) -> int:
        """Input and output together: what a token budget is measured by."""
        return self.input_tokens + self.output_tokens


class CustomEvent(Event, tag="custom", frozen=True, kw_only=True, rename="camel"):
    """A message of the framework that has no event of its own here; without its content."""

    name: str
    agent: str


class RunDone(Event, tag="done", frozen=True, kw_only=True, rename="camel"):
    """The run is over and its messages stand."""

    stop_reason: StopReason
    usage: TokenUsage


class RunFailed(Event, tag="error", frozen=True, kw_only=True, rename="camel"):
    """The run broke off.

    Attributes:
        code: one of the service's error codes, such as ``deadline_exceeded`` or ``model_unavailable``.
        detail: one sentence for the caller.
        retryable: trying again later may succeed.
    """

    code: str
    detail: str
    retryable: bool
    usage: TokenUsage


AgentEvent = (
    RunStarted
    | MessageDelta
    | AgentMessage
    | ReasoningDelta
    | Reasoning
    | ToolCall
    | ToolResult
    | InputRequired
    | TokenUsage
    | CustomEvent
    | RunDone
    | RunFailed
)
"""The tagged union, as a function's return annotation names it: ``AsyncIterator[AgentEvent]``."""

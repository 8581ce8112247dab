"""The conversation so far, as the app sends it: validated before an agent reads it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from shared.agents.conversation.bodies import chat_body
from shared.agents.conversation.lengths import (
    MAX_CHARACTERS,
    MAX_CONTINUATION,
    MAX_MESSAGE,
    MAX_MESSAGES,
    MAX_QUESTION,
)
from shared.agents.wire.ag_ui import ag_ui_stream
from shared.agents.wire.format import Wire
from shared.agents.wire.ui_messages import ui_message_stream


class Turn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message of the conversation.

    Attributes:
        role: who wrote it; instructions come from the service alone, so there is no ``system``.
        content: at most 20,000 characters of a user, 100,000 of an agent.
        agent: which agent, for an assistant's message.
        id: the app's own id of the message.
    """

    role: Literal["user", "assistant"]
    content: Annotated[str, Meta(min_length=1, max_length=MAX_MESSAGE)]
    agent: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")] | None = None
    id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None

    def __post_init__(self) -> None:
        if self.role == "user" and len(self.content) > MAX_QUESTION:
            raise ValueError(f"expected content of length <= {MAX_QUESTION} in a user's message")


class Conversation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an agent endpoint takes as its body: the last message is the person's.

    The bodies of the AI SDK's `useChat` and of AG-UI are understood too, by their shape, and answered in
    their own wire formats.

    Attributes:
        messages: oldest first; at most 200, together at most 200,000 characters.
        continuation: the token of an `input_required` event, when the last message answers its question.
        approved: the answer to an `input_required` event with a call: whether the tool may be called so.
    """

    messages: Annotated[tuple[Turn, ...], Meta(min_length=1, max_length=MAX_MESSAGES)]
    continuation: Annotated[str, Meta(max_length=MAX_CONTINUATION)] | None = None
    approved: bool | None = None

    def __post_init__(self) -> None:
        if self.messages[-1].role != "user":
            raise ValueError("the last message must be the user's")
        if self.approved is not None and self.continuation is None:
            raise ValueError("`approved` needs the `continuation` of the call")
        if sum(len(turn.content) for turn in self.messages) > MAX_CHARACTERS:
            raise ValueError(f"the messages are longer than {MAX_CHARACTERS} characters together")
        ids = [turn.id for turn in self.messages if turn.id is not None]
        if len(ids) != len(set(ids)):
            raise ValueError("two messages have the same id")

    @classmethod
    def read_as(cls, body: Any) -> tuple[type[Any], Any] | None:
        """Return type and members of a body in another format; None for a body of this one."""
        members = chat_body(body)
        return None if members is None else (ChatConversation, members)

    def wire(self) -> Wire | None:
        """Return the wire format of the answer, for one stream; None for the service's own events."""
        return None

    def plain(self) -> "Conversation":
        """Return the conversation without the format of its answer, as a job takes it."""
        return Conversation(messages=self.messages, continuation=self.continuation, approved=self.approved)


class ChatConversation(Conversation, frozen=True, kw_only=True):
    """A conversation as a chat library sent it.

    Attributes:
        format: the wire format of the answer.
        thread_id: the client's id of the conversation, where the format repeats it.
        run_id: likewise of the run.
    """

    format: Literal["ui-messages", "ag-ui"]
    thread_id: Annotated[str, Meta(max_length=256)] = ""
    run_id: Annotated[str, Meta(max_length=256)] = ""

    def wire(self) -> Wire:
        """Return the wire format of the answer, for one stream."""
        if self.format == "ag-ui":
            return ag_ui_stream(self.thread_id, self.run_id)
        return ui_message_stream()

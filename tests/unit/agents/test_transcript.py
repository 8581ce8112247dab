"""What the app may send as a conversation."""

import msgspec
import pytest

from shared.agents import Conversation
from shared.agents.conversation.lengths import MAX_CHARACTERS, MAX_MESSAGE, MAX_QUESTION


def turn(content: str = "Is SPY risk-on?", role: str = "user", **more: str) -> dict[str, str]:
    return {"role": role, "content": content, **more}


def test_a_conversation_is_read_as_it_was_sent():
    sent = {"messages": [turn(id="m1"), turn("It is.", "assistant", agent="analyst"), turn("Why?", id="m3")]}
    read = msgspec.convert(sent, Conversation)
    assert [(each.role, each.content) for each in read.messages] == [
        ("user", "Is SPY risk-on?"),
        ("assistant", "It is."),
        ("user", "Why?"),
    ]


@pytest.mark.parametrize("length", [20_001, 25_000, MAX_MESSAGE])
def test_an_agents_own_message_can_be_sent_back(length: int):
    sent = {"messages": [turn(), turn("x" * length, "assistant"), turn("x" * MAX_QUESTION)]}
    assert len(msgspec.convert(sent, Conversation).messages[1].content) == length


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "length >= 1"),
        ([turn(role="system")], "'system'"),
        ([turn("")], "length >= 1"),
        ([turn("x" * 20_001)], "length <= 20000"),
        ([turn("x" * (MAX_MESSAGE + 1), "assistant"), turn()], f"length <= {MAX_MESSAGE}"),
        ([turn()] * 201, "length <= 200"),
        ([turn("x" * 20_000)] * (MAX_CHARACTERS // 20_000 + 1), f"longer than {MAX_CHARACTERS}"),
        ([turn(role="assistant")], "last message must be the user's"),
        ([turn(id="m1"), turn(id="m1")], "same id"),
        ([turn(agent="not a name")], "matching regex"),
        ([turn(tool="x")], "unknown field `tool`"),
    ],
)
def test_a_conversation_that_does_not_fit_is_refused_with_what_is_wrong(messages: object, told: str):
    with pytest.raises(msgspec.ValidationError, match=told.replace("(", r"\(")):
        msgspec.convert({"messages": messages}, Conversation)

"""A question to the person, and the answer that a run begins with."""

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from shared.agents.events import ToolCall


class Question(Struct, frozen=True, kw_only=True):
    """What a run asks the person.

    Attributes:
        agent: who asks.
        text: the question.
        call: the tool call that waits for approval, None for a question in words.
        digest: identifies the tool and the arguments of `call`.
    """

    agent: str
    text: str
    call: ToolCall | None = None
    digest: str = ""


class PersonReply(Struct, frozen=True, kw_only=True):
    """What the person replied, verified.

    Attributes:
        agent: who asked.
        digest: of the call that the reply is about, empty for a question in words.
        approved: whether that call may be made; None when the person did not say.
    """

    agent: str
    digest: str = ""
    approved: bool | None = None


def call_digest(tool: str, arguments: dict[str, Any]) -> str:
    """Return the digest of one call: an approval is good for these arguments alone."""
    return sha256(msgspec.json.encode((tool, arguments), order="sorted")).hexdigest()

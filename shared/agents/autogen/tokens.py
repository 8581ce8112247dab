"""How many tokens a call took, where the provider does not say or cannot be believed."""

from collections.abc import Iterable, Sequence

import msgspec
from autogen_core.models import LLMMessage
from autogen_core.tools import Tool, ToolSchema

BYTES = 4
"""Bytes of UTF-8 to a token, about what tokenizers make of English; other languages have fewer."""

_MOST = 100_000_000
"""No call has more; a larger count is nonsense."""


def believed(reported: object, size: int) -> int:
    """Return the reported count, or one by the size in bytes where that is no number above zero."""
    if isinstance(reported, int) and not isinstance(reported, bool) and 0 < reported <= _MOST:
        return reported
    return -(-size // BYTES)


def size_of(messages: Sequence[LLMMessage], tools: Iterable[Tool | ToolSchema]) -> int:
    """Return the bytes that a model has to read."""
    schemas = [tool.schema if isinstance(tool, Tool) else tool for tool in tools]
    return len(msgspec.json.encode([[message.model_dump(mode="json") for message in messages], schemas]))

"""The tokens of a call, estimated where the provider reports none or a wrong number."""

from collections.abc import Iterable, Sequence

import msgspec
from autogen_core.models import LLMMessage
from autogen_core.tools import Tool, ToolSchema

BYTES_PER_TOKEN = 4
"""Bytes of UTF-8 in a token, about what tokenizers give for English; other languages have fewer."""

_MAX_TOKENS = 100_000_000
"""No call has more; a larger count is an error of the provider."""


def plausible(reported: object, size: int) -> int:
    """Return the reported count, or an estimate from the size in bytes where that is no number above zero."""
    if isinstance(reported, int) and not isinstance(reported, bool) and 0 < reported <= _MAX_TOKENS:
        return reported
    return -(-size // BYTES_PER_TOKEN)


def size_of(messages: Sequence[LLMMessage], tools: Iterable[Tool | ToolSchema]) -> int:
    """Return the bytes that a model has to read."""
    schemas = [tool.schema if isinstance(tool, Tool) else tool for tool in tools]
    return len(msgspec.json.encode([[message.model_dump(mode="json") for message in messages], schemas]))

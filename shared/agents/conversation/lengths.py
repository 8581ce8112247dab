"""How long a conversation and its parts may be."""

MAX_QUESTION = 20_000
"""Characters of what a person says."""

MAX_MESSAGE = 100_000
"""Characters of an agent's message; a longer answer is cut off, so that every message can be sent back."""

MAX_CONTINUATION = 120_000
"""Characters of a continuation, which carries a question (`MAX_QUESTION` of four bytes each) as base64."""

MAX_MESSAGES = 200
"""Messages of one conversation."""

MAX_CHARACTERS = 200_000
"""All messages of one conversation together."""

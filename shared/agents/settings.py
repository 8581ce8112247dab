"""What agents need to know from outside; the composition root fills it."""

from msgspec import Struct

from shared.secret import Secret


class ModelSettings(Struct, frozen=True, kw_only=True):
    """The model provider.

    Attributes:
        api_key: without it recorded replies are played where `may_replay`, and agents refuse elsewhere.
        base_url: a server compatible with OpenAI's chat completions; the provider's own by default.
        model: its name there.
        timeout: seconds without an answer or a next piece of one.
        retries: attempts after a 429, a 5xx or a broken connection, before the answer has begun.
        may_replay: outside production.
        replay_pace: seconds between two recorded words.
        trace_messages: spans may carry message text.
    """

    api_key: Secret | None = None
    base_url: str | None = None
    model: str = "gpt-5-mini"
    timeout: float = 60
    retries: int = 2
    may_replay: bool = False
    replay_pace: float = 0.02
    trace_messages: bool = False

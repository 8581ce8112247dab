"""What agents need to know from outside; the composition root fills it."""

from typing import Literal, Self, cast, get_args

from msgspec import Struct

from shared.secret import Secret

type Provider = Literal["openai", "azure", "anthropic"]

KEY_VARIABLES: dict[Provider, str] = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
}
"""Where the key of each provider is set."""


class NamedModel(Struct, frozen=True):
    """A model that an agent asks for by name.

    Attributes:
        provider: whose it is.
        model: its name there; at Azure, the deployment's.
    """

    provider: Provider
    model: str

    @classmethod
    def read(cls, text: str) -> tuple[str, Self]:
        """Return name and model of a text such as ``deep=anthropic:claude-opus-4-1``.

        Raises:
            ValueError: it is not of this form.
        """
        name, _, value = text.partition("=")
        provider, _, model = value.partition(":")
        name, provider, model = name.strip(), provider.strip(), model.strip()
        if provider not in get_args(Provider.__value__) or not name.isidentifier() or not model:
            raise ValueError(
                f"expected name=provider:model with a provider of {', '.join(get_args(Provider.__value__))}"
            )
        return name, cls(cast("Provider", provider), model)


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
        models: further models by name; `model` may be one of these names.
        anthropic_api_key: for models of `anthropic`.
        anthropic_base_url: another server with its API.
        azure_api_key: for models of `azure`.
        azure_endpoint: the resource's address.
        azure_version: of its API.
    """

    api_key: Secret | None = None
    base_url: str | None = None
    model: str = "gpt-5-mini"
    timeout: float = 60
    retries: int = 2
    may_replay: bool = False
    replay_pace: float = 0.02
    trace_messages: bool = False
    models: dict[str, NamedModel] = {}
    anthropic_api_key: Secret | None = None
    anthropic_base_url: str | None = None
    azure_api_key: Secret | None = None
    azure_endpoint: str | None = None
    azure_version: str = "2024-10-21"

    def key(self, provider: Provider) -> Secret | None:
        """Return the key of a provider, None where it is not set."""
        keys = {"openai": self.api_key, "azure": self.azure_api_key, "anthropic": self.anthropic_api_key}
        return keys[provider]

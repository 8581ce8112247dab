"""The settings of agents."""

from typing import Annotated

from msgspec import Struct

from runtime.settings.variable import from_env
from shared.secret import Secret


class AgentSettings(Struct, frozen=True, kw_only=True):
    """Models and bounds of agent runs."""

    openai_api_key: Annotated[
        Secret | None,
        from_env(
            "OPENAI_API_KEY",
            doc="Unset: agents replay recorded replies in development, and answer 503 in production.",
        ),
    ] = None
    openai_base_url: Annotated[
        str | None, from_env("OPENAI_BASE_URL", doc="Base URL of another server that has OpenAI's API.")
    ] = None
    model: Annotated[
        str, from_env("ANNEX_MODEL", doc="The model agents use: OpenAI's name of it, or one of ANNEX_MODELS.")
    ] = "gpt-5-mini"
    models: Annotated[
        tuple[str, ...],
        from_env(
            "ANNEX_MODELS",
            doc="Further models by name, such as `deep=anthropic:claude-opus-4-1, eu=azure:gpt-5`; providers are openai, azure, anthropic.",
        ),
    ] = ()
    anthropic_api_key: Annotated[
        Secret | None, from_env("ANTHROPIC_API_KEY", doc="For models of `anthropic`.")
    ] = None
    anthropic_base_url: Annotated[
        str | None, from_env("ANTHROPIC_BASE_URL", doc="Base URL of another server that has Anthropic's API.")
    ] = None
    azure_api_key: Annotated[
        Secret | None, from_env("AZURE_OPENAI_API_KEY", doc="For models of `azure`.")
    ] = None
    azure_endpoint: Annotated[
        str | None, from_env("AZURE_OPENAI_ENDPOINT", doc="Address of the resource that has them.")
    ] = None
    azure_version: Annotated[str, from_env("OPENAI_API_VERSION", doc="Version of Azure's API.")] = (
        "2024-10-21"
    )
    runs_per_user: Annotated[
        int, from_env("ANNEX_RUNS_PER_USER", doc="Agent runs one user may have at once.")
    ] = 3
    runs_total: Annotated[int, from_env("ANNEX_RUNS_TOTAL", doc="Agent runs of one worker at once.")] = 100
    trace_messages: Annotated[bool, from_env("ANNEX_TRACE_MESSAGES", doc="Record message text in spans.")] = (
        False
    )

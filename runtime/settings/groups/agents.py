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
    model: Annotated[str, from_env("ANNEX_MODEL", doc="The model agents use.")] = "gpt-5-mini"
    runs_per_user: Annotated[
        int, from_env("ANNEX_RUNS_PER_USER", doc="Agent runs one user may have at once.")
    ] = 3
    runs_total: Annotated[int, from_env("ANNEX_RUNS_TOTAL", doc="Agent runs of one worker at once.")] = 100
    trace_messages: Annotated[bool, from_env("ANNEX_TRACE_MESSAGES", doc="Record message text in spans.")] = (
        False
    )

"""The agents as the settings want them."""

from secrets import token_urlsafe

from runtime.variables import Settings
from shared.agents import Agents, ModelSettings, RunLimits, RunStore
from shared.secret import Secret


def agents_from(settings: Settings) -> Agents:
    """Return agents that have not started; nothing is imported or connected before the first run."""
    wanted = settings.agents
    models = ModelSettings(
        api_key=wanted.openai_api_key,
        base_url=wanted.openai_base_url,
        model=wanted.model,
        may_replay=not settings.is_production,
        trace_messages=wanted.trace_messages,
    )
    return Agents(
        models,
        RunLimits(per_user=wanted.runs_per_user, total=wanted.runs_total),
        secret=settings.secret or Secret(token_urlsafe(32)),
        store=RunStore.from_url(settings.redis_url) if settings.redis_url else None,
    )

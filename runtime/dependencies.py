"""What functions ask for besides their input, built from the settings: the database and the agents."""

from collections.abc import Callable
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from runtime.asgi.invocation import calling_file
from runtime.settings.variables import Settings
from runtime.telemetry import Telemetry
from shared.agents import Agents, ModelSettings, NamedModel, RunLimits, RunStore
from shared.database import Database
from shared.identity import User
from shared.secret import Secret

if TYPE_CHECKING:
    from runtime.outgoing import Http


class SharedHttp:
    """The HTTP client of functions, made when the first of them takes it: certificates take long to load."""

    def __init__(self) -> None:
        self._client: Http | None = None

    @property
    def client(self) -> "Http":
        """The client."""
        if self._client is None:
            from runtime.outgoing import Http

            self._client = Http()
        return self._client

    async def stop(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.stop()


def agents_from(settings: Settings, permits: Callable[[User, str], bool]) -> Agents:
    """Return agents that have not started; nothing is imported or connected before the first run.

    Args:
        settings: models, limits and the store.
        permits: whether a caller meets a policy's demands.
    """
    wanted = settings.agents
    models = ModelSettings(
        api_key=wanted.openai_api_key,
        base_url=wanted.openai_base_url,
        model=wanted.model,
        may_replay=not settings.is_production,
        trace_messages=wanted.trace_messages,
        models=dict(map(NamedModel.read, wanted.models)),
        anthropic_api_key=wanted.anthropic_api_key,
        anthropic_base_url=wanted.anthropic_base_url,
        azure_api_key=wanted.azure_api_key,
        azure_endpoint=wanted.azure_endpoint,
        azure_version=wanted.azure_version,
    )
    return Agents(
        models,
        RunLimits(per_user=wanted.runs_per_user, total=wanted.runs_total),
        secret=settings.secret or Secret(token_urlsafe(32)),
        store=RunStore.from_url(settings.redis_url) if settings.redis_url else None,
        permits=permits,
    )


def open_database(settings: Settings, telemetry: Telemetry | None = None) -> Database:
    """Return the service's database; nothing is connected yet.

    `telemetry` makes its spans and counts its histograms; without one, the process's global providers do.
    """
    return Database.from_url(
        settings.database.url,
        pool_max=settings.database.pool_max,
        pooler=settings.database.pooler,
        acquire_timeout=settings.database.acquire_timeout,
        connect_timeout=settings.database.connect_timeout,
        query_timeout=settings.database.query_timeout,
        tracer_provider=telemetry.tracer_provider if telemetry else None,
        histogram=telemetry.histogram if telemetry else None,
        borrower=calling_file,
    )

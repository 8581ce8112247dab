"""The database as the settings describe it."""

from runtime.settings import Settings
from runtime.telemetry import Telemetry
from shared.database import Database


def open_database(settings: Settings, telemetry: Telemetry | None = None) -> Database:
    """Build the service's database; nothing is connected yet.

    Its histograms are counted by `telemetry`; without one they are the process's, as its spans are.
    """
    return Database.from_url(
        settings.database.url,
        pool_max=settings.database.pool_max,
        pooler=settings.database.pooler,
        acquire_timeout=settings.database.acquire_timeout,
        connect_timeout=settings.database.connect_timeout,
        query_timeout=settings.database.query_timeout,
        histogram=telemetry.histogram if telemetry else None,
    )

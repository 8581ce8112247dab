"""A hundred readings."""

from runtime import Database
from shared.market import Signal, list_signals


async def get(db: Database) -> list[Signal]:
    """Return the newest."""
    return (await list_signals(db, limit=100)).items

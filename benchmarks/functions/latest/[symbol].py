"""The newest reading of one symbol."""

from runtime import Database, NotFound
from shared.market import Signal, latest_signal


async def get(symbol: str, db: Database) -> Signal:
    """Return it."""
    signal = await latest_signal(db, symbol)
    if signal is None:
        raise NotFound("signal", symbol)
    return signal

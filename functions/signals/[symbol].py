"""One symbol: its newest reading, or all of its readings gone."""

from runtime import Database, Function, NotFound
from shared.market import Signal, delete_signals, latest_signal

config = Function(
    tags=("signals",),
    timeout=5,
    methods={"delete": {"permission": "org:signals:delete"}},
)


async def get(symbol: str, db: Database) -> Signal:
    """Return the newest reading for `symbol`."""
    signal = await latest_signal(db, symbol)
    if signal is None:
        raise NotFound("signal", symbol)
    return signal


async def delete(symbol: str, db: Database) -> None:
    """Delete every reading of `symbol`; the instrument itself belongs to the app and stays."""
    if await delete_signals(db, symbol) == 0:
        raise NotFound("signal", symbol)

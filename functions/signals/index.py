"""Market-regime signals: the list, and a new reading."""

from typing import Annotated

from msgspec import Meta

from runtime import Database, Function, User
from shared.instant import Instant
from shared.market import NewSignal, Regime, Signal, SignalPage, list_signals, record_signal

config = Function(
    tags=("signals",),
    timeout=10,
    methods={"post": {"status": 201, "permission": "org:signals:write"}},
)


async def get(
    db: Database,
    symbol: str | None = None,
    regime: Regime | None = None,
    since: Instant | None = None,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> SignalPage:
    """Return readings, newest first; pass `next_cursor` back as `cursor` for the next page."""
    return await list_signals(db, symbol=symbol, regime=regime, since=since, limit=limit, cursor=cursor)


async def post(data: NewSignal, db: Database, user: User) -> Signal:
    """Record one reading."""
    return await record_signal(db, data, user.user_id)

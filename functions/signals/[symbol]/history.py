"""The readings of one symbol over a range of days."""

from datetime import UTC, date, datetime, time, timedelta

from runtime import Database, Function, Invalid
from shared.market import HistoryPoint, signal_history

config = Function(tags=("signals",), timeout=10, read_only=True)

LONGEST = 366  # days in one answer


async def get(symbol: str, start: date, end: date, db: Database) -> list[HistoryPoint]:
    """Return the readings observed from `start` to `end`, both days included (UTC), oldest first."""
    if end < start:
        raise Invalid("`end` is before `start`.")
    if (end - start).days > LONGEST:
        raise Invalid(f"The range is over {LONGEST} days; ask in parts.")
    return await signal_history(db, symbol, _midnight(start), _midnight(end + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

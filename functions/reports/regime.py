"""The market's regime today: one verdict over the readings of every instrument."""

from typing import Annotated

from msgspec import Meta

from runtime import Database, Function
from shared.instant import Instant
from shared.market import RegimeReport, assess, readings

config = Function(tags=("reports",), timeout=15, read_only=True, concurrency=4, queue=16)


def get(
    db: Database,
    as_of: Instant | None = None,
    window: Annotated[int, Meta(ge=5, le=250)] = 20,
) -> RegimeReport:
    """Judge the regime from the newest `window` readings of each instrument, up to `as_of`."""
    return assess(db.wait(readings(db, as_of=as_of, window=window)))

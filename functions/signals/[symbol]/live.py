"""One instrument, as it moves."""

import asyncio
from collections.abc import AsyncIterator

from runtime import Database, Event, Function
from shared.market import Signal, latest_signal

config = Function(tags=("signals",), timeout=300, read_only=True)

PAUSE = 0.5  # seconds between two looks; a reading is worth little before people can see it
LOOKS = 500  # then the stream ends by itself, before its time is up


class Reading(Event, tag="reading", frozen=True, kw_only=True):
    """A new reading of the instrument."""

    signal: Signal


async def get(symbol: str, db: Database) -> AsyncIterator[Reading]:
    """Follow `symbol`: its newest reading, then each newer one as it is recorded."""
    seen = None
    for _ in range(LOOKS):
        signal = await latest_signal(db, symbol)
        if signal is not None and signal.id != seen:
            seen = signal.id
            yield Reading(signal=signal)
        await asyncio.sleep(PAUSE)

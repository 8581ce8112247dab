"""Market-regime signals: what a reading of an instrument looks like, and the SQL that finds and records it.

Every function takes a `Queries`, so the same SQL runs on the pool, in a transaction and in a read-only view.
"""

import math
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from shared.cursor import decode_cursor, encode_cursor
from shared.database import ConstraintViolated, Queries
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.instant import Instant

MAX_PAGE = 200

Symbol = Annotated[str, Meta(pattern="^[A-Z0-9][A-Z0-9.-]{0,31}$", description="Such as SPY or HYG-LQD")]


class Regime(StrEnum):
    """What a reading says about the appetite for risk."""

    RISK_ON = "RISK_ON"
    RISK_OFF = "RISK_OFF"
    NEUTRAL = "NEUTRAL"


class Signal(Struct, frozen=True, kw_only=True, rename="camel"):
    """One reading of one instrument.

    Attributes:
        symbol: of the instrument; a ratio's legs are joined by a dash.
        value: the reading itself, exact.
        confidence: 0 to 1.
        factors: what the verdict was made of, by name.
        observed_at: when the market said so.
        created_at: when it was recorded.
        created_by: the user who recorded it, None for the app's own import.
    """

    id: UUID
    symbol: str
    regime: Regime
    value: Decimal
    confidence: float
    factors: dict[str, float]
    observed_at: Instant
    created_at: Instant
    created_by: str | None = None


class NewSignal(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A reading to record; `value` below a trillion, with six decimals kept."""

    symbol: Symbol
    regime: Regime
    value: Decimal
    confidence: Annotated[float, Meta(ge=0, le=1)]
    observed_at: Instant
    factors: Annotated[dict[Annotated[str, Meta(max_length=64)], float], Meta(max_length=32)] = {}

    def __post_init__(self) -> None:
        if not self.value.is_finite() or abs(self.value) >= 10**12:
            raise ValueError("value must be a number below 1000000000000")
        if not all(map(math.isfinite, self.factors.values())):
            raise ValueError("factors must be finite numbers")


class SignalPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Some signals, newest first, and the cursor of those that follow; None at the end."""

    items: list[Signal]
    next_cursor: str | None = None


class HistoryPoint(Struct, frozen=True, kw_only=True, rename="camel"):
    """One reading on the time line of an instrument."""

    observed_at: Instant
    regime: Regime
    value: Decimal
    confidence: float


# Prisma's `createdAt` is UTC without saying so; here it learns to say it.
_COLUMNS = """
    s."id", i."symbol", s."regime", s."value", s."confidence", s."factors", s."observedAt",
    s."createdAt" AT TIME ZONE 'UTC' AS "createdAt", s."createdBy"
"""
_FROM = 'FROM "Signal" s JOIN "Instrument" i ON i."id" = s."instrumentId"'

_LIST = f"""
SELECT {_COLUMNS} {_FROM}
WHERE ($1::text IS NULL OR i."symbol" = $1)
  AND ($2::"Regime" IS NULL OR s."regime" = $2)
  AND ($3::timestamptz IS NULL OR s."observedAt" >= $3)
  AND ($4::timestamptz IS NULL OR (s."observedAt", s."id") < ($4, $5::uuid))
ORDER BY s."observedAt" DESC, s."id" DESC
LIMIT $6
"""
_LATEST = f"""
SELECT {_COLUMNS} {_FROM}
WHERE i."symbol" = $1
ORDER BY s."observedAt" DESC, s."id" DESC
LIMIT 1
"""
_RECORD = f"""
WITH s AS (
    INSERT INTO "Signal" (
        "id", "instrumentId", "regime", "value", "confidence", "factors", "observedAt", "createdAt",
        "createdBy"
    )
    SELECT gen_random_uuid(), "id", $2, $3, $4, $5, $6, now() AT TIME ZONE 'UTC', $7
    FROM "Instrument" WHERE "symbol" = $1
    RETURNING "id", "instrumentId", "regime", "value", "confidence", "factors", "observedAt",
        "createdAt", "createdBy"
)
SELECT {_COLUMNS} FROM s JOIN "Instrument" i ON i."id" = s."instrumentId"
"""  # noqa: S608  made of constants of this file
_DELETE = """
DELETE FROM "Signal" s USING "Instrument" i WHERE i."id" = s."instrumentId" AND i."symbol" = $1
"""
_HISTORY = f"""
SELECT s."observedAt", s."regime", s."value", s."confidence" {_FROM}
WHERE i."symbol" = $1 AND s."observedAt" >= $2 AND s."observedAt" < $3
ORDER BY s."observedAt"
LIMIT 5000
"""


async def list_signals(
    db: Queries,
    *,
    symbol: str | None = None,
    regime: Regime | None = None,
    since: datetime | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> SignalPage:
    """Return a page of signals, newest first; a page never repeats or skips a row while others are recorded.

    `since` is the oldest `observed_at`, included; `limit` is 1 to `MAX_PAGE`; `cursor` is the `next_cursor`
    of the page before.

    Raises:
        Invalid: `limit` is out of range, `since` has no time zone, or `cursor` is not one of ours.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise _invalid("limit", f"must be between 1 and {MAX_PAGE}")
    if since is not None and since.tzinfo is None:
        raise _invalid("since", "must carry a time zone, such as a Z at its end")
    after = _Position.read(cursor) if cursor else None
    rows = await db.fetch(
        Signal,
        _LIST,
        symbol,
        regime,
        since,
        after.observed_at if after else None,
        after.id if after else None,
        limit + 1,
    )
    more = len(rows) > limit
    return SignalPage(items=rows[:limit], next_cursor=_Position.of(rows[limit - 1]) if more else None)


async def latest_signal(db: Queries, symbol: str) -> Signal | None:
    """Return the newest reading of `symbol`, None when there is none."""
    return await db.fetch_one(Signal, _LATEST, symbol)


async def record_signal(db: Queries, new: NewSignal, user_id: str | None) -> Signal:
    """Record a reading and return it as it was stored.

    Raises:
        NotFound: there is no such instrument.
        Conflict: this instrument has a reading at that moment already.
    """
    try:
        signal = await db.fetch_one(
            Signal,
            _RECORD,
            new.symbol,
            new.regime,
            new.value,
            new.confidence,
            new.factors,
            new.observed_at,
            user_id,
        )
    except ConstraintViolated as error:
        if error.kind != "unique":
            raise
        raise Conflict(f"{new.symbol} has a reading at that moment already.") from None
    if signal is None:
        raise NotFound("instrument", new.symbol)
    return signal


async def record_unless_known(db: Queries, new: NewSignal, user_id: str | None) -> bool:
    """Record a reading unless there is one at that moment; return whether it was recorded.

    Raises:
        NotFound: there is no such instrument.
    """
    try:
        await record_signal(db, new, user_id)
    except Conflict:
        return False
    return True


async def delete_signals(db: Queries, symbol: str) -> int:
    """Delete every reading of `symbol` and return how many there were."""
    return await db.execute(_DELETE, symbol)


async def signal_history(db: Queries, symbol: str, start: datetime, end: datetime) -> list[HistoryPoint]:
    """Return the readings of `symbol` from `start` until before `end`, oldest first, at most 5000."""
    return await db.fetch(HistoryPoint, _HISTORY, symbol, start, end)


class _Position(Struct, frozen=True, array_like=True):
    """Where a page ended: what is inside a cursor."""

    observed_at: Instant
    id: UUID

    @classmethod
    def of(cls, signal: Signal) -> str:
        return encode_cursor(msgspec.to_builtins(cls(signal.observed_at, signal.id)))

    @classmethod
    def read(cls, cursor: str) -> "_Position":
        try:
            return msgspec.convert(decode_cursor(cursor, parts=2), cls)
        except msgspec.ValidationError:
            raise _invalid("cursor", "must be the nextCursor of an earlier page") from None


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(errors=(FieldError("query", field, message),))

"""What the database cases read: the tables of the tests' sample service."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from msgspec import Struct


class Sample(Struct, frozen=True, kw_only=True, rename="camel"):
    """A row of nine columns of eight types."""

    id: UUID
    symbol: str
    state: Literal["HIGH", "LOW", "NORMAL"]
    value: Decimal
    confidence: float
    factors: dict[str, float]
    observed_at: datetime
    created_at: datetime
    created_by: str | None = None


COLUMNS = """
    a."id", s."symbol", a."state", a."value", a."confidence", a."factors", a."observedAt",
    a."createdAt" AT TIME ZONE 'UTC' AS "createdAt", a."createdBy"
"""
FROM = 'FROM "Sample" a JOIN "Sensor" s ON s."id" = a."sensorId"'
LATEST = f"""
SELECT {COLUMNS} {FROM} WHERE s."symbol" = $1 ORDER BY a."observedAt" DESC, a."id" DESC LIMIT 1
"""  # made of constants of this file
NEWEST = f"""
SELECT {COLUMNS} {FROM}
WHERE ($1::text IS NULL OR s."symbol" = $1)
  AND ($2::"State" IS NULL OR a."state" = $2)
  AND ($3::timestamptz IS NULL OR a."observedAt" >= $3)
  AND ($4::timestamptz IS NULL OR (a."observedAt", a."id") < ($4, $5::uuid))
ORDER BY a."observedAt" DESC, a."id" DESC LIMIT $6
"""
NEWEST_100 = (None, None, None, None, None, 100)

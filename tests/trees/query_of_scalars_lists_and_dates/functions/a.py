from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta


class Regime(Enum):
    ON = 'on'
    OFF = 'off'


async def get(
    limit: Annotated[int, Meta(ge=1)] = 20,
    since: date | None = None,
    regime: Regime | None = None,
    symbols: list[str] = [],
    order: Literal['asc', 'desc'] = 'asc',
    key: UUID | None = None,
    above: Decimal | None = None,
) -> str:
    return 'ok'

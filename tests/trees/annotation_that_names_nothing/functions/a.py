from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


async def get(day: date) -> str:
    return 'ok'

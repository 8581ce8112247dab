"""Clerk tells that a user, an organisation or a session has changed."""

import logging
from typing import Any

from msgspec import Struct, field

from runtime import Function

logger = logging.getLogger(__name__)

config = Function(webhook="clerk", timeout=10, summary="Receive Clerk's events")


class ClerkEvent(Struct):
    """One event; `data` is the object that changed, as Clerk's Backend API shows it."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)


async def post(data: ClerkEvent) -> None:
    """Take note of the event: signed by Clerk, and not handled before."""
    logger.info("clerk.event", extra={"event_type": data.type})

"""The deliveries that this process has seen: a replay is refused, a sender's own retry is understood."""

import logging
from typing import Final

from msgspec import Struct

from runtime.auth.provider import Delivery
from shared.errors import Conflict

logger = logging.getLogger(__name__)

MEMORY: Final = 10_000  # ids; with five minutes of tolerance, 33 deliveries a second


class _Record(Struct):
    """What is remembered of one id: the times it was signed for, and how far it got."""

    times: set[int]
    state: str = "running"

    def end(self, succeeded: bool) -> None:  # noqa: FBT001  # called back with what happened
        self.state = "done" if succeeded else "failed"


class DeliveryRecords:
    """At most `memory` deliveries; the oldest goes first."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._records: dict[str, _Record] = {}

    def claim(self, identifier: str, moment: int | None) -> Delivery:
        """Take a delivery that is signed.

        Args:
            identifier: the sender's name of the message, the same for each retry.
            moment: that it was signed for, in seconds since the epoch; None where the sender signs no time,
                so that a retry cannot be told from a replay.

        Raises:
            Conflict: a replay, or the first delivery of this message is still being handled.
        """
        record = self._records.get(identifier)
        if record is None:
            return self._remember(identifier, moment)
        if moment in record.times or record.state == "running":
            logger.info("webhook.refused", extra={"reason": "replay", "webhook_id": identifier})
            raise Conflict("This webhook delivery has already been received.")
        record.times.update(() if moment is None else (moment,))
        if record.state == "done":
            return Delivery(identifier, moment=moment, is_duplicate=True)
        record.state = "running"
        return Delivery(identifier, moment=moment, on_end=record.end)

    def _remember(self, identifier: str, moment: int | None) -> Delivery:
        if len(self._records) >= self._memory:
            del self._records[next(iter(self._records))]
        record = self._records[identifier] = _Record(set() if moment is None else {moment})
        return Delivery(identifier, moment=moment, on_end=record.end)

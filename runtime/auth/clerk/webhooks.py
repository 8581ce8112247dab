"""Webhooks of Clerk: signed by Svix (Standard Webhooks), within five minutes, each handled once.

The signature covers id, time and the raw body. A message seen before with the same time is a replay and is
refused; the same id with a new time and signature is Clerk's own retry: it runs unless the first one did.
"""

import binascii
import logging
import math
from typing import Final

from msgspec import Struct
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from runtime.asgi.messages import Headers
from runtime.auth.provider import Delivery, Webhooks
from shared.errors import Conflict, Invalid, Unavailable
from shared.secret import Secret

logger = logging.getLogger(__name__)

MEMORY: Final = 10_000  # ids; with Clerk's five minutes of tolerance, 33 deliveries a second
_NAMES: Final = {
    b"svix-id": "webhook-id",
    b"svix-timestamp": "webhook-timestamp",
    b"svix-signature": "webhook-signature",
}


class _Record(Struct):
    """What is remembered of one id: the times it was signed for, and how far it got."""

    times: set[int]
    state: str = "running"

    def end(self, succeeded: bool) -> None:  # noqa: FBT001  # called back with what happened
        self.state = "done" if succeeded else "failed"


class ClerkWebhooks(Webhooks):
    """Verifies deliveries for one signing secret."""

    def __init__(self, secret: Secret | None, *, memory: int = MEMORY) -> None:
        self._verifier = Webhook(secret.reveal()) if secret else None
        self._memory = memory
        self._records: dict[str, _Record] = {}

    def verify(self, headers: Headers, body: bytes) -> Delivery:
        """Accept a delivery or refuse it.

        Args:
            headers: of the request, names in lower case.
            body: the raw bytes.

        Raises:
            Invalid: the signature, the time or the form is wrong.
            Conflict: a replay, or the first delivery of this message is still being handled.
            Unavailable: no signing secret is configured.
        """
        if self._verifier is None:
            logger.error("webhook.unconfigured", extra={"variable": "CLERK_WEBHOOK_SIGNING_SECRET"})
            raise Unavailable("This webhook is not configured.", retry_after=60)
        fields = {_NAMES[name]: value.decode("latin-1") for name, value in headers if name in _NAMES}
        try:
            self._verifier.verify(body, fields, json_parse=False)
        except (WebhookVerificationError, ValueError) as fault:  # ValueError: not base64, not UTF-8, no comma
            logger.info("webhook.refused", extra={"reason": _reason(fault)})
            raise Invalid("The webhook signature is missing, invalid, or older than five minutes.") from None
        # The library signs whole seconds, so `12` and `12.5` are one time and must not be two deliveries.
        return self._claim(fields["webhook-id"], math.floor(float(fields["webhook-timestamp"])))

    def _claim(self, identifier: str, timestamp: int) -> Delivery:
        record = self._records.get(identifier)
        if record is None:
            return self._remember(identifier, timestamp)
        if timestamp in record.times or record.state == "running":
            logger.info("webhook.refused", extra={"reason": "replay", "webhook_id": identifier})
            raise Conflict("This webhook delivery has already been received.")
        record.times.add(timestamp)
        if record.state == "done":
            return Delivery(identifier, is_duplicate=True)
        record.state = "running"
        return Delivery(identifier, on_end=record.end)

    def _remember(self, identifier: str, timestamp: int) -> Delivery:
        if len(self._records) >= self._memory:
            del self._records[next(iter(self._records))]
        record = self._records[identifier] = _Record({timestamp})
        return Delivery(identifier, on_end=record.end)


def check_secret(secret: Secret) -> None:
    """Refuse what cannot be a signing secret.

    Raises:
        ValueError: with what one looks like.
    """
    try:
        Webhook(secret.reveal())
    except (EmptyWebhookSecretError, binascii.Error, ValueError):
        raise ValueError("expected `whsec_…`, copied whole from Clerk's dashboard, Webhooks") from None


def _reason(fault: Exception) -> str:
    """Name the refusal for the log; the library's own sentences carry nothing of the message."""
    return str(fault) if isinstance(fault, WebhookVerificationError) else "malformed"

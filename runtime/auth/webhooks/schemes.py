"""Signature schemes of common senders, each as its documentation says.

What is compared is always the raw body's HMAC-SHA256, in constant time. Where the sender signs the time,
a delivery is accepted within five minutes of it. A delivery is known by something that is signed: the
sender's own id in the body where there is one, the signature otherwise; an id in a header that nobody
signed could be changed by whoever replays the rest.
"""

import hashlib
import hmac
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from runtime.asgi.messages import Headers
from runtime.auth.foreign import json_object
from runtime.auth.provider import Delivery, Webhooks
from runtime.auth.webhooks.records import MEMORY, DeliveryRecords
from shared.errors import Invalid, Unavailable
from shared.secret import Secret

logger = logging.getLogger(__name__)

TOLERANCE: Final = 300  # seconds, as all of these senders recommend


class Refused(Exception):
    """The delivery is not accepted; the text is for the log and carries nothing of it."""


class SignedWebhooks(Webhooks):
    """What all schemes share: the secret, the refusal, and what was delivered before.

    Args:
        secret: None where none is configured.
        memory: deliveries that are remembered.
        clock: seconds since the epoch.
    """

    variable: ClassVar[str]
    """Where the secret is configured."""

    def __init__(
        self, secret: Secret | None, *, memory: int = MEMORY, clock: Callable[[], float] = time.time
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._records = DeliveryRecords(memory)

    def verify(self, headers: Headers, body: bytes) -> Delivery:
        """As `Webhooks.verify`."""
        if self._secret is None:
            logger.error("webhook.unconfigured", extra={"variable": self.variable})
            raise Unavailable("This webhook is not configured.", retry_after=60)
        fields = {name: value.decode("latin-1") for name, value in headers}
        try:
            identifier, moment = self.examine(self._secret.reveal(), fields, body)
        except Refused as fault:
            logger.info("webhook.refused", extra={"reason": str(fault)})
            raise Invalid("The webhook signature is missing, invalid, or older than five minutes.") from None
        return self._records.claim(identifier, moment)

    def examine(self, secret: str, fields: Mapping[bytes, str], body: bytes) -> tuple[str, int | None]:
        """Return by what a delivery is known and the moment it was signed for, None where none is signed.

        Raises:
            Refused: the signature, the time or the form is wrong.
        """
        raise NotImplementedError

    def _moment(self, text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise Refused("the time is missing or no number of seconds")
        if abs(self._clock() - int(text)) > TOLERANCE:
            raise Refused("signed more than five minutes from now")
        return int(text)


class StripeWebhooks(SignedWebhooks):
    """`Stripe-Signature: t=…,v1=…` over `time.body`; several `v1` while a secret is rolled."""

    variable = "STRIPE_WEBHOOK_SECRET"

    def examine(self, secret: str, fields: Mapping[bytes, str], body: bytes) -> tuple[str, int | None]:
        """As `SignedWebhooks.examine`; known by the event's id."""
        pairs = [part.strip().partition("=")[::2] for part in fields.get(b"stripe-signature", "").split(",")]
        times = [value for name, value in pairs if name == "t"]
        moment = self._moment(times[0] if len(times) == 1 else "")
        signed = f"{moment}.".encode() + body
        _check(secret, signed, (value for name, value in pairs if name == "v1"))
        return _member(body, "id") or _digest(secret, signed), moment


class GitHubWebhooks(SignedWebhooks):
    """`X-Hub-Signature-256: sha256=…` over the body alone: GitHub signs neither time nor delivery id."""

    variable = "GITHUB_WEBHOOK_SECRET"

    def examine(self, secret: str, fields: Mapping[bytes, str], body: bytes) -> tuple[str, int | None]:
        """As `SignedWebhooks.examine`; known by its signature, so the same body is the same delivery."""
        scheme, _, signature = fields.get(b"x-hub-signature-256", "").partition("=")
        _check(secret, body, [signature] if scheme == "sha256" else [])
        return signature, None


class SlackWebhooks(SignedWebhooks):
    """`X-Slack-Signature: v0=…` over `v0:time:body`, with `X-Slack-Request-Timestamp`."""

    variable = "SLACK_SIGNING_SECRET"

    def examine(self, secret: str, fields: Mapping[bytes, str], body: bytes) -> tuple[str, int | None]:
        """As `SignedWebhooks.examine`; known by the event's id, a command by its signature."""
        moment = self._moment(fields.get(b"x-slack-request-timestamp", ""))
        version, _, signature = fields.get(b"x-slack-signature", "").partition("=")
        _check(secret, f"v0:{moment}:".encode() + body, [signature] if version == "v0" else [])
        return _member(body, "event_id") or signature, moment


class SvixWebhooks(SignedWebhooks):
    """Standard Webhooks, by the names `svix-…` or `webhook-…`: id, time and body are signed."""

    variable = "SVIX_WEBHOOK_SECRET"
    prefixes: ClassVar[tuple[bytes, ...]] = (b"svix-", b"webhook-")

    def examine(self, secret: str, fields: Mapping[bytes, str], body: bytes) -> tuple[str, int | None]:
        """As `SignedWebhooks.examine`; known by the message's id."""
        prefix = next((each for each in self.prefixes if each + b"id" in fields), self.prefixes[0])
        given = {
            f"webhook-{name}": fields[prefix + name.encode()]
            for name in ("id", "timestamp", "signature")
            if prefix + name.encode() in fields
        }
        try:
            Webhook(secret).verify(body, given, json_parse=False)
        except WebhookVerificationError as fault:
            raise Refused(str(fault)) from None  # the library's sentences carry nothing of the message
        except ValueError:  # not base64, not UTF-8, no comma
            raise Refused("malformed") from None
        # The library signs whole seconds, so `12` and `12.5` are one time and must not be two deliveries.
        return given["webhook-id"], math.floor(float(given["webhook-timestamp"]))


def _digest(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _check(secret: str, signed: bytes, signatures: Iterable[str]) -> None:
    expected = _digest(secret, signed).encode()
    if not any(hmac.compare_digest(expected, each.encode("latin-1")) for each in signatures):
        raise Refused("no signature of the body with this secret")


def _member(body: bytes, name: str) -> str | None:
    value = (json_object(body) or {}).get(name)
    return value if isinstance(value, str) and value else None

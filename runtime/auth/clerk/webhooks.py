"""Webhooks of Clerk: signed by Svix (Standard Webhooks), within five minutes, each handled once.

The signature covers id, time and the raw body. A message seen before with the same time is a replay and is
refused; the same id with a new time and signature is Clerk's own retry: it runs unless the first one did.
"""

import binascii
from typing import ClassVar

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from runtime.auth.webhooks import SvixWebhooks
from shared.secret import Secret


class ClerkWebhooks(SvixWebhooks):
    """Verifies deliveries for one signing secret."""

    variable = "CLERK_WEBHOOK_SIGNING_SECRET"
    prefixes: ClassVar[tuple[bytes, ...]] = (b"svix-",)


def check_secret(secret: Secret) -> None:
    """Refuse what cannot be a signing secret.

    Raises:
        ValueError: with what one looks like.
    """
    try:
        Webhook(secret.reveal())
    except (EmptyWebhookSecretError, binascii.Error, ValueError):
        raise ValueError(
            "expected `whsec_…`, copied whole from the sender's dashboard (Clerk: Webhooks)"
        ) from None

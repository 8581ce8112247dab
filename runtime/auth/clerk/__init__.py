"""Clerk: its sessions and machine tokens as `Identity`, its webhooks as `Webhooks`."""

from runtime.auth.clerk.identity import ClerkIdentity
from runtime.auth.clerk.instance import check_clerk
from runtime.auth.clerk.issuer import DevelopmentIssuer
from runtime.auth.clerk.webhooks import ClerkWebhooks

__all__ = ["ClerkIdentity", "ClerkWebhooks", "DevelopmentIssuer", "check_clerk"]

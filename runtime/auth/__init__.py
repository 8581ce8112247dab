"""Who is calling: Clerk tokens and keys, policy, webhooks, the development issuer."""

from runtime.auth.authenticator import Authenticator
from runtime.auth.clerk.instance import check_clerk
from runtime.auth.clerk.issuer import DevelopmentIssuer
from runtime.auth.clerk.webhooks import Delivery
from runtime.auth.policy import permits

__all__ = ["Authenticator", "Delivery", "DevelopmentIssuer", "check_clerk", "permits"]

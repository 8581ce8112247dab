"""Who is calling: credentials, policy, and the protocols that an identity provider implements."""

from runtime.auth.authenticator import Authenticator
from runtime.auth.policy import permits
from runtime.auth.provider import Delivery, Identity, Webhooks
from runtime.auth.verified import Validity, Verified

__all__ = ["Authenticator", "Delivery", "Identity", "Validity", "Verified", "Webhooks", "permits"]

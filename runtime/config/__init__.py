"""The config of function files and folders, and the policy that follows for one endpoint."""

from runtime.config.endpoint import HANDLERS, JOB, METHODS, Endpoint
from runtime.config.grants import grants_of
from runtime.config.keys import Folder, Function, WebhookScheme
from runtime.config.policy import Policy
from runtime.config.rates import Rate
from runtime.config.reverification import Reverification

__all__ = [
    "HANDLERS",
    "JOB",
    "METHODS",
    "Endpoint",
    "Folder",
    "Function",
    "Policy",
    "Rate",
    "Reverification",
    "WebhookScheme",
    "grants_of",
]

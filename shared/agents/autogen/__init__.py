"""AutoGen as one way to play a team.

Nothing outside this folder imports it, and this folder is imported by the first run only: it costs a second
that a service without agent traffic does not pay at start-up.
"""

from shared.agents.autogen.clients import ModelClients
from shared.agents.autogen.framework import AutoGen

__all__ = ["AutoGen", "ModelClients"]

"""AutoGen as the framework that plays a team.

Only this folder imports AutoGen, and only the first run imports this folder: a service without agent traffic
does not pay the second that the import takes.
"""

from shared.agents.autogen.building.parts import Parts
from shared.agents.autogen.framework import AutoGen
from shared.agents.autogen.models.clients import ModelClients

__all__ = ["AutoGen", "ModelClients", "Parts"]

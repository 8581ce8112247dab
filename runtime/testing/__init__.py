"""What tests of a service are written with; the pytest plugin of the product hands out the fixtures.

`service`, `database`, `spans` and `model` are fixtures; `docs/start.md` shows each. A fixture of your own,
`annex_environment`, returns the variables that the service is given: nothing comes from your shell or `.env`.
"""

from runtime.testing.database import ServiceDatabase
from runtime.testing.model import ModelReply, ModelServer, calls, says
from runtime.testing.service import Caller, Service

__all__ = ["Caller", "ModelReply", "ModelServer", "Service", "ServiceDatabase", "calls", "says"]

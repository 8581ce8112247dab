"""One function of a file while its signature is read."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from runtime.config import Policy
from runtime.routing.reading.faults import Fault


class Handler(msgspec.Struct, frozen=True):
    """One function under judgement, the path parameters around it, and its policy."""

    file: str
    line: int
    method: str
    function: Callable[..., Any]
    path: Mapping[str, str]  # name -> "dynamic" or "rest"
    policy: Policy

    def fault(self, found: str, cure: str) -> Fault:
        """Return a fault at this handler."""
        return Fault(file=self.file, line=self.line, found=found, cure=cure)

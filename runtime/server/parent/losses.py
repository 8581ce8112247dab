"""The workers that the service has lost: why, to which file, and which file is closed for it."""

import time
from typing import Any

from .blame.deaths import Death, Deaths
from .child import Child
from .ends import End, Ends
from .ledger import UnderWay
from .log import ParentLog


class Losses:
    """Explains and counts deaths, and closes the file that causes them.

    Args:
        functions: the folder of the function files, absolute.
        log: where each loss is named.

    Attributes:
        closed: the closed files, and why each is.
    """

    def __init__(self, functions: str, log: ParentLog) -> None:
        self._ends = Ends(functions)
        self._deaths = Deaths()
        self._log = log
        self.closed: dict[str, str] = {}

    def forgive(self) -> None:
        """Let the closed files back."""
        self.closed, self._deaths = {}, Deaths()

    def recent(self) -> list[dict[str, Any]]:
        """Return the latest deaths, as readiness tells them."""
        now = time.monotonic()
        return [
            {"seconds_ago": int(now - each.at), "cause": each.cause, "file": each.probable or None}
            for each in self._deaths.recent(now)
        ]

    def report(self, child: Child, code: int) -> End:
        """Name why a worker has ended with `code`, and what it was running; this does not count."""
        end = self._ends.examine(child, code)
        place = end.culprit.place if end.culprit else None
        self._log.say(
            "error",
            f"worker {child.number} {end.death.cause}; {end.running}",
            worker=child.number,
            pid=child.process.pid,
            function=place.file if place else end.death.probable,
            line=place.line if place else None,
            stack=end.culprit.stack if end.culprit else "",
        )
        return end

    def resigned(self, child: Child, message: dict[str, Any]) -> None:
        """Name and count a worker that cannot go on: it is lost in the same way."""
        suspects = [UnderWay(*each) for each in message["suspects"]]
        death = Death(time.monotonic(), message["unfit"], "", suspects)
        self._log.say(
            "error", f"worker {child.number} {death.cause}", worker=child.number, function=death.probable
        )
        self.count(death)

    def count(self, death: Death) -> None:
        """Count a death; close the file that causes such."""
        if file := self._deaths.add(death):
            self.closed[file] = f"It ended two workers within ten minutes; the last one {death.cause}."
            self._log.say("error", f"{file} is closed: {self.closed[file]}", function=file)

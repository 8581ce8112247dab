"""Which worker is lost while it still runs: silent, or too long on its way up or down."""

import time

from .child import Child, Phase
from .crew import Crew
from .given import Given

SUSPENDED = 1.0  # seconds between two looks after which the machine itself stood still
DUMP_TIME = 0.3  # seconds in which a silent worker writes its stacks
DUMP_PATIENCE = 3.0  # seconds after which it is ended without them: a busy machine lets it wait
START_LIMIT = 300.0  # seconds until a worker stands by, and until it serves
MARGIN = 2.0  # seconds beyond a worker's own budget before it is killed


class Lookout:
    """Looks at all workers, again and again, and ends those that are lost.

    Args:
        given: what the command line hands over.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._looked = time.monotonic()
        self._excused = 0.0

    def look(self, crew: Crew, now: float) -> None:
        """End who is silent, and who takes too long."""
        if now - self._looked > SUSPENDED:
            self._excused = now
        self._looked = now
        for child in crew:
            child.flush()
            if child.phase is Phase.DOOMED:
                if now - child.since > (DUMP_TIME if child.has_written() else DUMP_PATIENCE):
                    child.convict()
            elif cause := self._complaint(child, now):
                child.doom(cause)

    def _complaint(self, child: Child, now: float) -> str:
        """Return why a worker is to be ended, in words; empty where it is not."""
        waited = now - child.since
        if self._is_silent(child, now):
            return f"was silent for {child.silent_for(now):.1f} s"
        if child.phase in {Phase.STARTING, Phase.CALLED} and waited > START_LIMIT:
            return f"did not start within {START_LIMIT:g} s"
        if child.phase is Phase.LEAVING and waited > self._given.budget + MARGIN:
            return f"did not stop within {self._given.budget:g} s"
        return ""

    def _is_silent(self, child: Child, now: float) -> bool:
        limit = self._given.silence
        # One that starts to serve has a limit of its own: on a busy machine a start has long steps.
        is_judged = child.phase in {Phase.SERVING, Phase.LEAVING} and child.ledger.beat and not child.has_left
        if not limit or not is_judged:
            return False
        silence = min(child.silent_for(now), now - self._excused)
        if silence > limit / 10:
            child.sample()  # early: on a busy machine no thread has the processor in the last moments
        return silence > limit

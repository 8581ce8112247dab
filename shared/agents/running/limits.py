"""How much agents may use: runs at once, and the budget of one run."""

from collections import Counter

from msgspec import Struct

from shared.errors import TooManyRuns


class Budget(Struct, frozen=True, kw_only=True):
    """What one run may use before it is ended.

    Attributes:
        seconds: then the run fails with ``deadline_exceeded``.
        tokens: input and output; then no further model call is made and the run is done (``token_limit``).
        messages: of the team, its tool calls and results too, each counted as one; then the run is done
            (``turn_limit``), so that a team without an end of its own has one.
    """

    seconds: float = 300
    tokens: int = 200_000
    messages: int = 500


class RunLimits:
    """Counts the runs of this process, by user and in all."""

    def __init__(self, *, per_user: int, total: int) -> None:
        self._per_user = per_user
        self._total = total
        self._running: Counter[str] = Counter()

    def admit(self, user_id: str) -> None:
        """Count a run in.

        Raises:
            TooManyRuns: with the seconds after which to try again.
        """
        if self._running[user_id] >= self._per_user:
            raise TooManyRuns(f"You already have {self._per_user} agent runs in progress.", retry_after=5)
        if self._running.total() >= self._total:
            raise TooManyRuns("The service is at its limit of agent runs; try again.", retry_after=10)
        self._running[user_id] += 1

    def release(self, user_id: str) -> None:
        """Count a run out."""
        self._running[user_id] -= 1
        if not self._running[user_id]:
            del self._running[user_id]

"""How many connections one borrower may have at once, so that none can take them all."""

from collections import Counter
from collections.abc import Callable

type Borrower = str | None
"""Whose connection it is, a function's file; None for the service itself, which has no limit."""


def nobody() -> Borrower:
    """Return None: every connection is the service's own."""
    return None


class ConnectionShares:
    """Counts the connections of each borrower.

    Args:
        total: connections of the pool.
        borrower: returns who is asking.

    Attributes:
        most: connections of one borrower: three quarters of the pool, at least one left to others; where
            there is only one, one.
    """

    def __init__(self, total: int, borrower: Callable[[], Borrower]) -> None:
        self.most = max(1, total - max(1, total // 4))
        self.borrower = borrower
        self._taken: Counter[str] = Counter()

    def take(self, borrower: Borrower) -> bool:
        """Count one more; False where the borrower has all that it may have."""
        if borrower is None:
            return True
        taken = self._taken.get(borrower, 0)
        if taken >= self.most:
            return False
        self._taken[borrower] = taken + 1
        return True

    def give_back(self, borrower: Borrower) -> None:
        """Count one less."""
        if borrower is None:
            return
        left = self._taken[borrower] - 1
        if left:
            self._taken[borrower] = left
        else:
            self._taken.pop(borrower)

    def are_used_up(self, borrower: Borrower) -> bool:
        """Whether the borrower has all that it may have."""
        return borrower is not None and self._taken[borrower] >= self.most

    def __str__(self) -> str:
        """Return who has how many, the most first: ``slow.py (4), report.py (1)``."""
        return ", ".join(f"{borrower} ({count})" for borrower, count in self._taken.most_common(5))

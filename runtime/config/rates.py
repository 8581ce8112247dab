"""The text of a rate limit."""

import re
from typing import NamedTuple

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_TEXT = re.compile(rf"([1-9][0-9]{{0,8}})/({'|'.join(PERIODS)})")


class Rate(NamedTuple):
    """`limit` calls in `period` seconds."""

    limit: int
    period: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read ``"20/minute"``.

        Raises:
            ValueError: it is written differently.
        """
        match = _TEXT.fullmatch(text)
        if not match:
            raise ValueError(f'Expected "<calls>/<unit>" with one of {", ".join(PERIODS)}.')
        return cls(int(match[1]), PERIODS[match[2]])

    def is_within(self, other: "Rate") -> bool:
        """Say whether this rate allows no more calls in a given time than `other`."""
        return self.limit * other.period <= other.limit * self.period

"""How fresh a sign-in must be, in Clerk's terms."""

from collections.abc import Mapping
from typing import Any, NamedTuple

LEVELS = ("first_factor", "second_factor", "multi_factor")
"""From the weakest to the strictest."""


class Reverification(NamedTuple):
    """Every factor of `level` must have been verified within the last `after_minutes`."""

    level: str
    after_minutes: float

    @classmethod
    def parse(cls, value: str | Mapping[str, Any]) -> "Reverification":
        """Read the name of a preset, or ``{"level": …, "after_minutes": …}``.

        Raises:
            ValueError: it is neither; the text says what was expected.
        """
        if isinstance(value, str):
            if value not in PRESETS:
                raise ValueError(f"Expected one of {', '.join(PRESETS)}.")
            return PRESETS[value]
        if set(value) != {"level", "after_minutes"} or value["level"] not in LEVELS:
            raise ValueError(f"Expected a level ({', '.join(LEVELS)}) and after_minutes.")
        minutes = value["after_minutes"]
        if type(minutes) is not int or minutes < 1:
            raise ValueError("Expected after_minutes to be a whole number, 1 or more.")
        return cls(value["level"], minutes)

    def is_within(self, other: "Reverification") -> bool:
        """Say whether this demands at least what `other` demands."""
        stricter = LEVELS.index(self.level) >= LEVELS.index(other.level)
        return stricter and self.after_minutes <= other.after_minutes


PRESETS = {
    "lax": Reverification("second_factor", 1440),
    "moderate": Reverification("second_factor", 60),
    "strict": Reverification("second_factor", 10),
    "strict_mfa": Reverification("multi_factor", 10),
}

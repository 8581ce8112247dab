"""Whose a run is: a user's, in one organisation or none, under the policy of the function that began it."""

from typing import Self

from msgspec import Struct

from shared.identity import User


class Holder(Struct, frozen=True):
    """Who may read, end or continue a run.

    Attributes:
        user_id: the user who began it.
        organization_id: the organisation that was active then, None without one.
        demands: what its function asks of its callers, in the words of whoever checks it; empty for nothing.
    """

    user_id: str
    organization_id: str | None = None
    demands: str = ""

    @classmethod
    def of(cls, user: User, demands: str = "") -> Self:
        """Return the caller as a holder."""
        return cls(user.user_id, user.organization.id if user.organization else None, demands)

    @property
    def name(self) -> str:
        """User and organisation in one word: neither has an `@` of its own."""
        return f"{self.user_id}@{self.organization_id}" if self.organization_id else self.user_id

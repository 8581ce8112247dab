"""Who owns a run: a user, in one organisation or none, under the policy of the function that began it."""

from collections.abc import Callable
from typing import Self

from msgspec import Struct

from shared.identity import User

type Permits = Callable[[User, str], bool]
"""Whether a caller meets demands."""


class Holder(Struct, frozen=True):
    """Who may read, end or continue a run.

    Attributes:
        user_id: the user who began it.
        organization_id: the organisation that was active then, None without one.
        demands: what its function asks of its callers, as text that a `Permits` reads; empty for nothing.
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
        """User and organisation in one text: neither contains an `@`."""
        return f"{self.user_id}@{self.organization_id}" if self.organization_id else self.user_id

    def admits(self, user: User, permits: Permits) -> bool:
        """Whether `user` is this holder, now and in the active organisation, and meets the demands."""
        if type(self).of(user, self.demands) != self:
            return False
        return not self.demands or permits(user, self.demands)

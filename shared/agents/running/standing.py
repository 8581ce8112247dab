"""A team that stands between two turns: what is kept of it, for whoever takes the run up."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from shared.agents.events import TokenUsage


class Kept(Struct, frozen=True, kw_only=True):
    """A run that outlives its process.

    Attributes:
        run_id: which run.
        state: the team as it stood after the last turn that was finished; None before that.
        usage: tokens of the run up to there.
        keep: writes a later state.
    """

    run_id: str
    keep: Callable[[Any, TokenUsage], Awaitable[None]]
    state: Any = None
    usage: TokenUsage = TokenUsage()


class TeamStands(Struct, frozen=True):
    """Stands in the order of the events where the team stood."""

    kept: Kept
    state: Any
    usage: TokenUsage

    async def keep(self) -> None:
        """Write the state."""
        await self.kept.keep(self.state, self.usage)

"""Which continuations were used: here for one process, in `detached.spent` for replicas."""

from collections.abc import Callable
from time import time
from typing import Protocol


class Spent(Protocol):
    """Remembers used tokens until they would have expired anyway."""

    async def spend(self, token_id: str, seconds: float) -> bool:
        """Remember a token; False when it was remembered already."""
        ...

    async def keep(self, token_id: str, seconds: float) -> None:
        """Remember a token for `seconds` from now, whether or not it is still remembered."""
        ...

    async def forget(self, token_id: str) -> None:
        """Let a token be used again."""
        ...


class SpentInProcess:
    """Remembers within this process."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    async def spend(self, token_id: str, seconds: float) -> bool:
        """Remember a token; False when it was remembered already."""
        now = self._clock()
        self._until = {key: until for key, until in self._until.items() if until > now}
        if token_id in self._until:
            return False
        self._until[token_id] = now + seconds
        return True

    async def keep(self, token_id: str, seconds: float) -> None:
        """Remember a token for `seconds` from now."""
        self._until[token_id] = self._clock() + seconds

    async def forget(self, token_id: str) -> None:
        """Let a token be used again."""
        self._until.pop(token_id, None)

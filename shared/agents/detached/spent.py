"""Used continuations, remembered for all replicas."""

from shared.agents.detached.connection import StoreConnection, reachable


class SpentInStore:
    """A `questions.spent.Spent` that all replicas share."""

    def __init__(self, connection: StoreConnection) -> None:
        self._redis = connection.commands
        self._prefix = f"{connection.prefix}annex:spent:"

    async def spend(self, token_id: str, seconds: float) -> bool:
        """Remember a token; False when it was remembered already."""
        async with reachable():
            fresh = await self._redis.set(self._prefix + token_id, b"1", nx=True, ex=max(1, int(seconds) + 1))
        return bool(fresh)

    async def keep(self, token_id: str, seconds: float) -> None:
        """Remember a token for `seconds` from now."""
        async with reachable():
            await self._redis.set(self._prefix + token_id, b"1", ex=int(seconds) + 1)

    async def forget(self, token_id: str) -> None:
        """Let a token be used again."""
        async with reachable():
            await self._redis.delete(self._prefix + token_id)

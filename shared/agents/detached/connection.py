"""The connections to Valkey or Redis, with every wait bounded and every failure translated."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Self

from shared.errors import Unavailable
from shared.secret import Secret

if TYPE_CHECKING:
    from redis.asyncio import Redis

STORE_TIMEOUT = 3.0
"""Seconds for one command, attempts and connections included: a server that hangs counts as dead."""

_MAX_WRITERS = 20


class StoreConnection:
    """Two clients, which decode nothing: `commands`, and `readers`, whose connections wait for events.

    They are apart, so that waiting readers cannot starve the runs.
    """

    def __init__(self, commands: "Redis", readers: "Redis") -> None:
        self.commands = commands
        self.readers = readers

    @classmethod
    def from_url(cls, url: Secret, *, max_readers: int, read_timeout: float) -> Self:
        """Return connections to a `redis://`, `rediss://` or `unix://` URL; connects on first use.

        Raises:
            ValueError: the URL is another one, or the client is not installed.
        """
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
        except ImportError:
            raise ValueError(
                "REDIS_URL is set, but its client is missing: install annex-functions[redis]"
            ) from None

        def client(connections: int) -> Redis:
            pool = BlockingConnectionPool.from_url(
                url.reveal(),
                max_connections=connections,
                timeout=2,
                socket_timeout=read_timeout,
                socket_connect_timeout=5,
            )
            return Redis.from_pool(pool)

        return cls(client(_MAX_WRITERS), client(max_readers))

    async def close(self) -> None:
        """Close the connections."""
        await self.readers.aclose()
        await self.commands.aclose()


@asynccontextmanager
async def reachable(seconds: float = STORE_TIMEOUT) -> AsyncIterator[None]:
    """Bound the commands inside to `seconds`.

    Raises:
        Unavailable: the server failed or did not answer in time.
    """
    with translated():
        async with asyncio.timeout(seconds):
            yield


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into `Unavailable`, which names neither host nor key."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable("The store of agent runs does not respond; try again.") from error

"""The connections to Valkey or Redis, with every wait bounded and every failure translated."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Self

from shared.errors import Unavailable
from shared.redis_url import RedisUrl
from shared.secret import Secret

if TYPE_CHECKING:
    from redis.asyncio import Redis

STORE_TIMEOUT = 3.0
"""Seconds for one command, attempts and connections included: a server that hangs counts as dead."""

_MAX_WRITERS = 20


class StoreConnection:
    """Two clients, which decode nothing: `commands`, and `readers`, whose connections wait for events.

    They are apart, so that waiting readers cannot starve the runs. All keys begin with `prefix`.
    """

    def __init__(self, commands: "Redis", readers: "Redis", prefix: str = "") -> None:
        self.commands = commands
        self.readers = readers
        self.prefix = prefix

    @classmethod
    def from_url(cls, url: Secret, *, max_readers: int, read_timeout: float) -> Self:
        """Return connections to the server at a URL; connects on first use."""
        server = RedisUrl(url)

        def client(connections: int) -> "Redis":
            return server.client(timeout=read_timeout, connect_timeout=5, connections=connections, wait=2)

        return cls(client(_MAX_WRITERS), client(max_readers), server.prefix)

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

"""The Valkey or Redis server that `REDIS_URL` names: how its clients are made, for whatever is kept there."""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from shared.secret import Secret

if TYPE_CHECKING:
    from redis import Redis as BlockingRedis
    from redis.asyncio import Redis

KEY_PREFIX = "keyPrefix"  # as ioredis spells it in a URL, so that one URL serves both


class RedisUrl:
    """A `redis://`, `rediss://` or `unix://` URL; all else in its query is an option of redis-py.

    Its clients decode nothing and try nothing twice. What a server refuses because it is no primary any more
    is asked again through a new connection, since the address may have moved.

    Attributes:
        prefix: what all keys begin with, where the server's user may use no others.
    """

    def __init__(self, url: Secret) -> None:
        address, _, query = url.reveal().partition("?")
        options = parse_qs(query, keep_blank_values=True)
        self.prefix = options.pop(KEY_PREFIX, [""])[-1]
        self._address = f"{address}?{urlencode(options, doseq=True)}" if options else address

    def check(self) -> None:
        """Read the URL as its clients do, without connecting.

        Raises:
            ValueError, TypeError: it is another URL, or names an option that the client does not have.
        """
        from redis.asyncio import ConnectionPool

        pool = ConnectionPool.from_url(self._address)
        pool.connection_class(**pool.connection_kwargs)

    def client(
        self, *, timeout: float, connect_timeout: float | None = None, connections: int = 0, wait: float = 0
    ) -> "Redis":
        """Return a client, which connects on first use.

        Args:
            timeout: seconds for one answer.
            connect_timeout: seconds to connect; as `timeout` unless given.
            connections: at most; 0 for as many as are needed.
            wait: seconds to wait for one of them.
        """
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry

        limits = _limits(Retry, timeout, connect_timeout)
        if not connections:
            client: Redis = Redis.from_url(self._address, **limits)
            return client
        pool = BlockingConnectionPool.from_url(
            self._address, max_connections=connections, timeout=wait, **limits
        )
        return Redis.from_pool(pool)

    def blocking_client(self, *, timeout: float) -> "BlockingRedis":
        """Return a client for a thread, which connects on first use; `timeout` as above."""
        from redis import Redis
        from redis.retry import Retry

        client: Redis = Redis.from_url(self._address, **_limits(Retry, timeout, None))
        return client


def _limits(retry: Any, timeout: float, connect_timeout: float | None) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.exceptions import ReadOnlyError

    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": connect_timeout or timeout,
        "retry": retry(NoBackoff(), 1, (ReadOnlyError,)),
        "driver_info": None,  # else each connection reads the client's version from disk
    }

"""A Lua script of a Valkey or Redis server, which is sent whole wherever the server does not know it yet."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis


class RedisScript:
    """One atomic step.

    The client's own scripts are loaded and then called: a failover in between fails the call.

    Attributes:
        sha: by which a server knows it.
    """

    def __init__(self, client: "Redis", text: str) -> None:
        self._client = client
        self._text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str] = (), args: Sequence[Any] = ()) -> Any:
        """Do it, and return what it gives."""
        from redis.exceptions import NoScriptError

        client: Any = self._client  # whose stubs allow for both kinds of clients
        try:
            return await client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await client.eval(self._text, len(keys), *keys, *args)

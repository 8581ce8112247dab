"""Runs that outlive their connection: their events in Valkey or Redis, for the same user on any replica.

One stream per run, keyed by its owner, so that nobody can name another user's run. Entries are numbered as
the event stream numbers them, which is what a browser sends back as `Last-Event-ID`. A run that is alive
keeps a key alive; when it is gone and the stream has no end, the replica died and its followers are told so.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import msgspec

from shared.agents.events import AgentEvent, RunDone, RunFailed, TokenUsage
from shared.errors import NotFound, RunLost, Unavailable
from shared.secret import Secret

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEPT = 3600
"""Seconds that a run's events can be read after the last of them."""

_WRITERS = 20
_STOPS = "annex:agents:stops"
_LOST = RunFailed(
    code=RunLost.code, detail="The run ended with its server.", retryable=True, usage=TokenUsage()
)
_decode = msgspec.json.Decoder(AgentEvent).decode


class RunStore:
    """The log of detached runs.

    Args:
        redis: a client that decodes nothing.
        readers: another, whose connections wait for events; apart, so that readers cannot starve the runs.
        alive: seconds after which a run that no longer says that it lives is taken for lost.
    """

    def __init__(self, redis: "Redis", readers: "Redis", *, alive: float = 15) -> None:
        self._redis = redis
        self._readers = readers
        self._alive = int(alive * 1000)  # milliseconds, as Redis counts

    @classmethod
    def from_url(cls, url: Secret, *, max_readers: int = 200, alive: float = 15) -> Self:
        """Return a store at a `redis://`, `rediss://` or `unix://` URL; connects on first use.

        Raises:
            ValueError: the URL is another one, or the client is not installed.
        """
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
        except ImportError:
            raise ValueError("REDIS_URL is set, but its client is missing: install annex[redis]") from None

        def client(connections: int) -> Redis:
            pool = BlockingConnectionPool.from_url(
                url.reveal(),
                max_connections=connections,
                timeout=2,
                socket_timeout=2 * alive,
                socket_connect_timeout=5,
            )
            return Redis.from_pool(pool)

        return cls(client(_WRITERS), client(max_readers), alive=alive)

    async def close(self) -> None:
        """Close the connections."""
        await self._readers.aclose()
        await self._redis.aclose()

    async def append(self, user_id: str, run_id: str, number: int, event: AgentEvent) -> None:
        """Add the event with its number, counted from 1, and say that the run lives."""
        key = _key(user_id, run_id)
        with _reachable():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.xadd(key, {"event": msgspec.json.encode(event)}, id=f"{number}-0")
                pipe.expire(key, KEPT)
                pipe.set(f"{key}:alive", b"1", px=self._alive)
                await pipe.execute()

    async def keep_alive(self, user_id: str, run_id: str) -> None:
        """Say that the run lives, again and again until cancelled."""
        key = f"{_key(user_id, run_id)}:alive"
        while True:
            with _reachable():
                await self._redis.set(key, b"1", px=self._alive)
            await asyncio.sleep(self._alive / 3000)

    async def require(self, user_id: str, run_id: str) -> None:
        """Raise `NotFound` when this user has no such run, or its events are gone."""
        with _reachable():
            if not await self._redis.exists(_key(user_id, run_id)):
                raise NotFound("agent run", run_id)

    async def follow(self, user_id: str, run_id: str, *, after: int = 0) -> AsyncGenerator[AgentEvent]:
        """Yield the events after number `after`, and then those that come, up to the last."""
        key = _key(user_id, run_id)
        dead = False
        while True:
            wait = 1 if dead else self._alive // 3
            with _reachable():
                answer: Any = await self._readers.xread({key: f"{after}-0"}, count=100, block=wait)
            for identifier, fields in answer[0][1] if answer else ():
                after = int(identifier.split(b"-")[0])
                event = _decode(fields[b"event"])
                yield event
                if isinstance(event, RunDone | RunFailed):
                    return
            if not answer and dead:
                yield _LOST
                return
            dead = not answer and await self._is_lost(key)

    async def request_stop(self, user_id: str, run_id: str) -> None:
        """Ask whichever replica plays the run to end it.

        Raises:
            NotFound: this user has no such run under way.
        """
        with _reachable():
            if not await self._redis.exists(f"{_key(user_id, run_id)}:alive"):
                raise NotFound("agent run", run_id)
            await self._redis.publish(_STOPS, msgspec.json.encode((user_id, run_id)))

    async def stops(self) -> AsyncIterator[tuple[str, str]]:
        """Yield user and run of every stop that any replica is asked for; outlives the server's restarts."""
        while True:
            with suppress(Unavailable), _reachable():
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(_STOPS)
                    async for message in channel.listen():
                        yield msgspec.json.decode(message["data"], type=tuple[str, str])
            await asyncio.sleep(1)

    async def spend(self, token_id: str, seconds: float) -> bool:
        """Remember a used continuation; False when it was there already."""
        with _reachable():
            fresh = await self._redis.set(
                f"annex:spent:{token_id}", b"1", nx=True, ex=max(1, int(seconds) + 1)
            )
        return bool(fresh)

    async def finish(self, user_id: str, run_id: str) -> None:
        """Say that the run no longer lives."""
        with _reachable():
            await self._redis.delete(f"{_key(user_id, run_id)}:alive")

    async def _is_lost(self, key: str) -> bool:
        with _reachable():
            return not await self._redis.exists(f"{key}:alive")


def _key(user_id: str, run_id: str) -> str:
    return f"annex:run:{user_id}:{run_id}"


@contextmanager
def _reachable() -> Any:
    """Turn the client's errors into our noun, which names neither host nor key."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable("The store of agent runs does not answer now; try again.") from error

"""Runs that outlive their connection: their events in Valkey or Redis, for the same user on any replica.

One stream per run, keyed by its holder (user and organisation), so that nobody can name another's
run. Entries are numbered as the event stream numbers them, which is what a browser sends back as
`Last-Event-ID`. A run that is alive keeps a key alive; when it is gone and the stream has no end, the replica
died and its followers receive `run_lost`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec import Struct

from shared.agents.events import AgentEvent, RunDone, RunFailed, TokenUsage
from shared.agents.holder import Holder
from shared.errors import FieldError, Invalid, NotFound, RunLost, Unavailable
from shared.secret import Secret

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEPT = 3600
"""Seconds that a run's events can be read after the last of them."""

PATIENCE = 3.0
"""Seconds for one question to the server: one that hangs is as good as dead."""

_WRITERS = 20
_STOPS = "annex:agents:stops"
_LOST = RunFailed(
    code=RunLost.code,
    detail="The run was lost because its server stopped.",
    retryable=True,
    usage=TokenUsage(),
)
_EVENT_ID = re.compile(r"[0-9]{1,15}")
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
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

    async def append(self, holder: Holder, run_id: str, number: int, event: AgentEvent) -> None:
        """Add the event with its number, counted from 1, and say that the run lives.

        The first entry keeps what the run's function asks of its callers.
        """
        key = _key(holder, run_id)
        fields: dict[Any, Any] = {"event": msgspec.json.encode(event)}
        if number == 1 and holder.demands:
            fields["demands"] = holder.demands
        async with _reachable(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(key, fields, id=f"{number}-0")
            pipe.expire(key, KEPT)
            pipe.set(f"{key}:alive", b"1", px=self._alive)
            await pipe.execute()

    async def keep_alive(self, holder: Holder, run_id: str) -> None:
        """Say that the run lives, again and again until cancelled."""
        key = f"{_key(holder, run_id)}:alive"
        while True:
            with suppress(Unavailable):
                async with _reachable():
                    await self._redis.set(key, b"1", px=self._alive)
            await asyncio.sleep(self._alive / 3000)

    async def find(self, holder: Holder, run_id: str) -> "Record":
        """Return what is kept of a run, whatever it demands.

        Raises:
            NotFound: this user has no such run in this organisation, or its events are gone.
        """
        key = _key(holder, run_id)
        async with _reachable(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange(key, count=1)
            pipe.xrevrange(key, count=1)
            first, last = await pipe.execute()
        if not first:
            raise NotFound("agent run", run_id)
        (_, begin), (number, end) = first[0], last[0]
        return Record(
            self,
            Holder(holder.user_id, holder.organization_id, begin.get(b"demands", b"").decode()),
            run_id,
            last=_number(number),
            has_ended=isinstance(_decode(end[b"event"]), RunDone | RunFailed),
        )

    async def follow(self, holder: Holder, run_id: str, *, after: int = 0) -> AsyncGenerator[AgentEvent]:
        """Yield the events after number `after`, and then those that come, up to the last."""
        key = _key(holder, run_id)
        dead = False
        while True:
            wait = 1 if dead else self._alive // 3
            async with _reachable(PATIENCE + wait / 1000):
                answer: Any = await self._readers.xread({key: f"{after}-0"}, count=100, block=wait)
            for identifier, fields in answer[0][1] if answer else ():
                after = _number(identifier)
                event = _decode(fields[b"event"])
                yield event
                if isinstance(event, RunDone | RunFailed):
                    return
            if not answer and dead:
                yield _LOST
                return
            dead = not answer and await self._is_lost(key)

    async def request_stop(self, holder: Holder, run_id: str) -> None:
        """Ask whichever replica plays the run to end it.

        Raises:
            NotFound: the run is not under way.
        """
        async with _reachable():
            if not await self._redis.exists(f"{_key(holder, run_id)}:alive"):
                raise NotFound("agent run", run_id)
            await self._redis.publish(_STOPS, msgspec.json.encode((holder.name, run_id)))

    async def stops(self) -> AsyncIterator[tuple[str, str]]:
        """Yield holder's name and run of every stop that is asked for; outlives the server's restarts."""
        while True:
            with suppress(Unavailable), _translated():
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(_STOPS)
                    async for message in channel.listen():
                        yield msgspec.json.decode(message["data"], type=tuple[str, str])
            await asyncio.sleep(1)

    async def spend(self, token_id: str, seconds: float) -> bool:
        """Remember a used continuation; False when it was there already."""
        async with _reachable():
            fresh = await self._redis.set(
                f"annex:spent:{token_id}", b"1", nx=True, ex=max(1, int(seconds) + 1)
            )
        return bool(fresh)

    async def keep(self, token_id: str, seconds: float) -> None:
        """Remember a used continuation for so long from now."""
        async with _reachable():
            await self._redis.set(f"annex:spent:{token_id}", b"1", ex=int(seconds) + 1)

    async def forget(self, token_id: str) -> None:
        """Let a continuation be used again."""
        async with _reachable():
            await self._redis.delete(f"annex:spent:{token_id}")

    async def finish(self, holder: Holder, run_id: str) -> None:
        """Say that the run no longer lives."""
        async with _reachable():
            await self._redis.delete(f"{_key(holder, run_id)}:alive")

    async def _is_lost(self, key: str) -> bool:
        async with _reachable():
            return not await self._redis.exists(f"{key}:alive")


class Record(Struct, frozen=True):
    """What is kept of one run.

    Attributes:
        store: where it is kept.
        holder: whose the run is, with the demands of its function.
        run_id: which run.
        last: the number of its newest event.
        has_ended: that event is its end.
    """

    store: RunStore
    holder: Holder
    run_id: str
    last: int
    has_ended: bool

    def follow(self, after: int) -> AsyncGenerator[AgentEvent]:
        """Yield the events after number `after`, and then those that come, up to the last."""
        return self.store.follow(self.holder, self.run_id, after=after)

    async def request_stop(self) -> None:
        """Ask whichever replica plays the run to end it.

        Raises:
            NotFound: the run is not under way.
        """
        await self.store.request_stop(self.holder, self.run_id)


def event_number(last_event_id: str | None) -> int:
    """Return the number of the event that a reader has seen last, by its `Last-Event-ID`; 0 for none.

    Raises:
        Invalid: it is no number of ours.
    """
    if not last_event_id:
        return 0
    if not _EVENT_ID.fullmatch(last_event_id):
        raise Invalid(errors=(FieldError("header", "Last-Event-ID", "Expected an event number."),))
    return int(last_event_id)


def _key(holder: Holder, run_id: str) -> str:
    """Return the name of a run's stream; a run id that could spell another name is nobody's.

    Raises:
        NotFound: the id is not one of ours.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise NotFound("agent run", run_id)
    return f"annex:run:{holder.name}:{run_id}"


def _number(identifier: bytes) -> int:
    return int(identifier.split(b"-")[0])


@asynccontextmanager
async def _reachable(seconds: float = PATIENCE) -> AsyncIterator[None]:
    """Wait so long for the server, attempts and connections included."""
    with _translated():
        async with asyncio.timeout(seconds):
            yield


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the client's errors into our noun, which names neither host nor key."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable("The store of agent runs does not respond; try again.") from error

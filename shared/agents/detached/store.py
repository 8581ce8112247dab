"""The events of detached runs in Valkey or Redis.

One stream per run, whose key contains the holder (user and organisation), so that nobody can name another
caller's run. Entries have the numbers of the event stream, which a browser sends back as `Last-Event-ID`. A
run under way refreshes a key that expires; when the key is gone and the stream has no end, its replica died,
and readers get `run_lost`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from copy import copy
from typing import Any, Self

import msgspec

from shared.agents.detached.connection import STORE_TIMEOUT, StoreConnection, reachable, translated
from shared.agents.detached.record import RunRecord
from shared.agents.detached.spent import SpentInStore
from shared.agents.events import AgentEvent, RunDone, RunFailed, RunStarted, TokenUsage
from shared.agents.holder import Holder
from shared.errors import NotFound, RunLost, Unavailable
from shared.secret import Secret

EVENTS_KEPT_SECONDS = 3600
"""Seconds that the events of a run can be read after the last of them."""

LOST = RunFailed(
    code=RunLost.code,
    detail="The run was lost because its server stopped.",
    retryable=True,
    usage=TokenUsage(),
)
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_decode = msgspec.json.Decoder(AgentEvent).decode


class RunStore:
    """The log of detached runs.

    Args:
        connection: to Valkey or Redis.
        alive: seconds without a sign of life after which a run counts as lost.

    Attributes:
        spent: the used continuations.
    """

    def __init__(self, connection: StoreConnection, *, alive: float = 15) -> None:
        self.spent = SpentInStore(connection)
        self._connection = connection
        self._redis = connection.commands
        self._readers = connection.readers
        self._prefix = connection.prefix
        self._stops = f"{connection.prefix}annex:agents:stops"
        self._alive = self._lasting = int(alive * 1000)  # milliseconds, as Redis counts

    @classmethod
    def from_url(cls, url: Secret, *, max_readers: int = 200, alive: float = 15) -> Self:
        """Return a store at a `redis://`, `rediss://` or `unix://` URL; connects on first use."""
        return cls(
            StoreConnection.from_url(url, max_readers=max_readers, read_timeout=2 * alive), alive=alive
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    def lasting(self, seconds: float) -> Self:
        """Return the same store for runs that may be silent for `seconds`: another worker takes them up."""
        view = copy(self)
        view._lasting = int(seconds * 1000)  # noqa: SLF001  a copy of this object
        return view

    async def told(self, holder: Holder, run_id: str) -> list[AgentEvent]:
        """Return what the readers of a run were told so far."""
        async with reachable():
            entries: Any = await self._redis.xrange(self._key(holder, run_id))
        return [_decode(fields[b"event"]) for _, fields in entries]

    async def begin(self, holder: Holder, run_id: str) -> None:
        """Tell that a run was begun, unless it was told: by who queued it or by who works on it."""
        key = self._key(holder, run_id)
        async with reachable():
            was_told = await self._redis.exists(key)
        if not was_told:
            try:
                await self.append(holder, run_id, 1, RunStarted(run_id=run_id))
            except Unavailable:
                async with reachable():
                    if not await self._redis.exists(key):  # the other was no faster
                        raise

    async def is_stopped(self, holder: Holder, run_id: str) -> bool:
        """Whether a stop was asked for while nobody worked on the run."""
        async with reachable():
            return bool(await self._redis.exists(f"{self._key(holder, run_id)}:stop"))

    async def append(self, holder: Holder, run_id: str, number: int, event: AgentEvent) -> None:
        """Add the event with its number, counted from 1, as a sign of life.

        The first entry keeps what the run's function asks of its callers.
        """
        key = self._key(holder, run_id)
        fields: dict[Any, Any] = {"event": msgspec.json.encode(event)}
        if number == 1 and holder.demands:
            fields["demands"] = holder.demands
        async with reachable(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(key, fields, id=f"{number}-0")
            pipe.expire(key, EVENTS_KEPT_SECONDS)
            pipe.set(f"{key}:alive", b"1", px=self._lasting)
            await pipe.execute()

    async def keep_alive(self, holder: Holder, run_id: str) -> None:
        """Give signs of life until cancelled."""
        key = f"{self._key(holder, run_id)}:alive"
        while True:
            with suppress(Unavailable):
                async with reachable():
                    await self._redis.set(key, b"1", px=self._lasting)
            await asyncio.sleep(self._alive / 3000)

    async def find(self, holder: Holder, run_id: str) -> RunRecord:
        """Return what is kept of a run, whatever it demands.

        Raises:
            NotFound: this user has no such run in this organisation, or its events are gone.
        """
        key = self._key(holder, run_id)
        async with reachable(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange(key, count=1)
            pipe.xrevrange(key, count=1)
            first, last = await pipe.execute()
        if not first:
            raise NotFound("agent run", run_id)
        (_, begin), (number, end) = first[0], last[0]
        return RunRecord(
            self,
            Holder(holder.user_id, holder.organization_id, begin.get(b"demands", b"").decode()),
            run_id,
            last=_number(number),
            has_ended=isinstance(_decode(end[b"event"]), RunDone | RunFailed),
        )

    async def follow(self, holder: Holder, run_id: str, *, after: int = 0) -> AsyncGenerator[AgentEvent]:
        """Yield the events after number `after`, and then new ones, up to the last."""
        key = self._key(holder, run_id)
        dead = False
        while True:
            wait = 1 if dead else self._alive // 3
            async with reachable(STORE_TIMEOUT + wait / 1000):
                answer: Any = await self._readers.xread({key: f"{after}-0"}, count=100, block=wait)
            for identifier, fields in answer[0][1] if answer else ():
                after = _number(identifier)
                event = _decode(fields[b"event"])
                yield event
                if isinstance(event, RunDone | RunFailed):
                    return
            if not answer and dead:
                yield LOST
                return
            dead = not answer and await self._is_lost(key)

    async def request_stop(self, holder: Holder, run_id: str) -> None:
        """Ask the replica that plays the run to end it.

        Raises:
            NotFound: the run is not under way.
        """
        async with reachable():
            if not await self._redis.exists(f"{self._key(holder, run_id)}:alive"):
                raise NotFound("agent run", run_id)
            await self._redis.set(f"{self._key(holder, run_id)}:stop", b"1", ex=EVENTS_KEPT_SECONDS)
            await self._redis.publish(self._stops, msgspec.json.encode((holder.name, run_id)))

    async def stops(self) -> AsyncIterator[tuple[str, str]]:
        """Yield holder's name and run of every stop that is asked for; outlives the server's restarts."""
        while True:
            with suppress(Unavailable), translated():
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(self._stops)
                    async for message in channel.listen():
                        yield msgspec.json.decode(message["data"], type=tuple[str, str])
            await asyncio.sleep(1)

    async def finish(self, holder: Holder, run_id: str) -> None:
        """Note that the run is over."""
        async with reachable():
            await self._redis.delete(f"{self._key(holder, run_id)}:alive")

    async def _is_lost(self, key: str) -> bool:
        async with reachable():
            return not await self._redis.exists(f"{key}:alive")

    def _key(self, holder: Holder, run_id: str) -> str:
        """Return the name of a run's stream; a run id that could spell another name does not exist.

        Raises:
            NotFound: the id is not one of ours.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise NotFound("agent run", run_id)
        return f"{self._prefix}annex:run:{holder.name}:{run_id}"


def _number(identifier: bytes) -> int:
    return int(identifier.split(b"-")[0])

"""The queue in Valkey or Redis: each method is one command or one atomic step of the server."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from runtime.work.queue import scripts
from runtime.work.queue.pipelining import Pipelining
from shared.errors import Unavailable
from shared.redis_script import RedisScript
from shared.redis_url import RedisUrl
from shared.secret import Secret
from shared.throttle import Throttle

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "annex:work:"  # after that of the URL
TIMEOUT = 3.0  # seconds for one command, connection included
FIRST_TRY = 1.0  # seconds of them, for what may be asked twice
LOG_EVERY = 10.0  # seconds between two log lines of what the server refuses
logger = logging.getLogger(__name__)

type RunFields = dict[str, bytes]


class Taken(NamedTuple):
    """A run that was delivered: this try belongs to one worker.

    Attributes:
        id: of the run.
        number: of the try, counted from 1; with the worker's name it is the fencing token.
        fields: what was queued.
    """

    id: str
    number: int
    fields: RunFields


class Batch(NamedTuple):
    """What `take` gives.

    Attributes:
        has_lease: the worker's lease holds; without it nothing is delivered.
        bell: the last entry of the bell, for `wait`.
        taken: the runs.
    """

    has_lease: bool
    bell: str
    taken: list[Taken]


class Pulse(NamedTuple):
    """What `tick` gives.

    Attributes:
        now: seconds of the server's clock.
        held: the runs that this worker holds.
        ending: those of them that are to end.
    """

    now: float
    held: frozenset[str]
    ending: frozenset[str]


class Depth(NamedTuple):
    """How much of one job waits and runs, and for how many seconds the oldest has been there."""

    job: str
    waiting: int
    running: int
    oldest: float


class Sleep(Enum):
    """What `sleep` did."""

    LOST = "lost"  # the run is not this worker's any more
    OVER = "over"  # it has slept already
    BEGUN = "begun"  # the run was given back


class HeldRun(NamedTuple):
    """A run that was queued in a transaction whose end nobody has told, and for how many seconds."""

    id: str
    transaction: str
    age: float


class Queue:
    """The queue of one service.

    Args:
        client: a `redis.asyncio.Redis` that decodes nothing.
        prefix: of all keys.
    """

    def __init__(self, client: "Redis", prefix: str = PREFIX) -> None:
        self._redis = client
        self._pipelining = Pipelining(client)
        self._prefix = prefix
        self._refusals = Throttle(seconds=LOG_EVERY)
        named = {name: text for name, text in vars(scripts).items() if name.isupper() and name[0] != "_"}
        self._scripts = {
            name: RedisScript(client, scripts.with_prefix(text, prefix)) for name, text in named.items()
        }

    @classmethod
    def from_url(cls, url: Secret) -> Self:
        """Return the queue at a `redis://`, `rediss://` or `unix://` URL; connects on first use."""
        server = RedisUrl(url)
        client = server.client(timeout=2 * TIMEOUT, connect_timeout=TIMEOUT, connections=20, wait=TIMEOUT)
        return cls(client, server.prefix + PREFIX)

    @property
    def broker(self) -> dict[str, str | int]:
        """Where the server is, as OpenTelemetry's conventions name it."""
        options = self._redis.connection_pool.connection_kwargs
        if "path" in options:
            return {"server.address": options["path"]}
        return {"server.address": options.get("host", "localhost"), "server.port": options.get("port", 6379)}

    async def ping(self) -> None:
        """Return once the server has responded.

        Raises:
            Exception: it does not; of the client's own kinds.
        """
        await self._redis.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._pipelining.close()
        await self._redis.aclose()

    async def enqueue(
        self, run_id: str, fields: Mapping[str, Any], *, key: str, delay: float, transaction: str = ""
    ) -> str:
        """Queue a run, once for a key; return the run that stands for it.

        With a `transaction` it is held until `release`. Empty where the key belongs to a transaction that has
        not ended.
        """
        wait = int(delay * 1000)
        had: bytes = await self._run_again("ENQUEUE", run_id, key, wait, transaction, *_flat(fields))
        return had.decode()

    async def release(self, run_id: str, *, is_committed: bool) -> None:
        """Let a run begin that was held for a transaction, or drop it."""
        await self._run_again("RELEASE", run_id, int(is_committed))

    async def held(self, longer_than: float) -> list[HeldRun]:
        """Return runs that have been held for so many seconds, the oldest hundred."""
        found = await self._run("HELD", int(longer_than * 1000))
        return [HeldRun(run.decode(), number.decode(), age / 1000) for run, number, age in found]

    async def take(self, worker: str, room: Mapping[str, int]) -> Batch:
        """Take runs; `room` says how many of each job."""
        has_lease, bell, found = await self._run(
            "TAKE", worker, *(part for each in room.items() for part in each)
        )
        return Batch(bool(has_lease), bell.decode(), [_taken(run_id, pairs) for run_id, pairs in found])

    async def wait(self, bell: str, seconds: float) -> None:
        """Wait until something is queued after `bell`, or for `seconds`."""
        async with self._reachable(TIMEOUT + seconds):
            await self._redis.xread({f"{self._prefix}bell": bell}, count=1, block=int(seconds * 1000))

    async def renew(self, worker: str, lease: float) -> bool:
        """Hold the lease of a worker for `lease` seconds from now; False where it was lost before."""
        return bool(await self._run("RENEW", worker, int(lease * 1000)))

    async def retire(self, worker: str, *, counts: bool = True) -> None:
        """Give up the lease of a worker that has ended and hand back what it held; `counts` its tries."""
        await self._run("RETIRE", worker, int(counts))

    async def hand_back(self, worker: str, run_id: str) -> None:
        """Queue a run again that was delivered to a worker which never got it; such a try does not count."""
        await self._run("HAND_BACK", worker, run_id)

    async def done(self, worker: str, run: Taken, result: bytes) -> bool:
        """Write the end of a run; False where the run is not this worker's any more."""
        return bool(await self._run("DONE", worker, run.id, run.number, result))

    async def failed(self, worker: str, run: Taken, error: bytes, delay: float | None) -> str:
        """Write the failure of a try; `delay` seconds before the next one, None for never.

        Returns:
            ``lost`` where the run is not this worker's any more; ``queued``, ``failed``, ``cancelled``.
        """
        wait = -1 if delay is None else int(delay * 1000)
        code: int = await self._run("FAILED", worker, run.id, run.number, error, wait)
        return ("lost", "queued", "failed", "cancelled")[code]

    async def progress(self, worker: str, run: Taken, done: float) -> bool:
        """Write how much is done; False where the run is not this worker's any more."""
        return bool(await self._run("PROGRESS", worker, run.id, run.number, done))

    async def steps(self, run_id: str) -> RunFields:
        """Return what the finished steps of a run gave."""
        async with self._reachable():
            found: dict[Any, Any] = await self._redis.hgetall(f"{self._prefix}steps:{run_id}")
        return {name.decode(): value for name, value in found.items()}

    async def keep(self, worker: str, run: Taken, step: str, result: bytes) -> bool:
        """Write what a step gave; False where the run is not this worker's any more."""
        return bool(await self._run("KEEP", worker, run.id, run.number, step, result))

    async def sleep(self, worker: str, run: Taken, name: str, seconds: float) -> Sleep:
        """Give a run back for so many seconds, once for each name."""
        code: int = await self._run("SLEEP", worker, run.id, run.number, name, int(seconds * 1000))
        return (Sleep.LOST, Sleep.OVER, Sleep.BEGUN)[code]

    async def cancel(self, run_id: str) -> None:
        """End a run that waits; ask the worker of one that runs to end it."""
        await self._run("CANCEL", run_id)

    async def postpone(self, run_id: str, delay: float, step: str = "", result: bytes = b"") -> bool:
        """Let a run that has not begun do so in `delay` seconds, and keep what a step gave, if one is named.

        False where a worker may have the run.
        """
        kept = (step, result) if step else ()
        return bool(await self._run("POSTPONE", run_id, int(delay * 1000), *kept))

    async def forget(self, run_id: str) -> None:
        """Drop a run that has not begun."""
        await self._run("FORGET", run_id)

    async def revive(self, run_id: str) -> bool:
        """Queue a dead letter again; False where it is none."""
        return bool(await self._run("REVIVE", run_id))

    async def tick(self, worker: str) -> Pulse:
        """Queue what falls due and what lost its worker."""
        now, held, ending = await self._run("TICK", worker)
        return Pulse(now / 1000, _texts(held), _texts(ending))

    async def fire(  # what is queued, by name
        self, schedule: str, slot: float, run_id: str, fields: Mapping[str, Any], *, now: float, overlap: bool
    ) -> str:
        """Queue the run of a slot, once for all workers; `now` by the clock of the server.

        Returns:
            ``fired``, ``had`` (the slot was fired before), ``overlap`` (the run before it has not ended), or
            ``begun`` where the schedule is new.
        """
        done: bytes = await self._run(
            "FIRE", schedule, int(slot * 1000), int(now * 1000), int(overlap), run_id, *_flat(fields)
        )
        return done.decode()

    async def depths(self) -> list[Depth]:
        """Return how much of each job waits and runs."""
        return [
            Depth(job.decode(), waiting, running, age / 1000)
            for job, waiting, running, age in await self._run("DEPTHS")
        ]

    async def read(self, run_id: str) -> RunFields:
        """Return everything about a run; nothing where there is none."""
        async with self._reachable():
            found: dict[Any, Any] = await self._redis.hgetall(f"{self._prefix}run:{run_id}")
        return {name.decode(): value for name, value in found.items()}

    async def runs(self, limit: int) -> dict[str, RunFields]:
        """Return what is kept of runs: `limit` of each job and of each kind, the newest ones."""
        ids: list[bytes] = list(dict.fromkeys(await self._run("RUNS", limit)))
        async with self._reachable(), self._redis.pipeline(transaction=False) as reading:
            for each in ids:
                reading.hgetall(f"{self._prefix}run:{each.decode()}")
            found: list[dict[bytes, bytes]] = await reading.execute()
        return {
            run.decode(): {name.decode(): value for name, value in fields.items()}
            for run, fields in zip(ids, found, strict=True)
            if b"state" in fields
        }

    async def dead(self, limit: int = 100) -> list[str]:
        """Return the newest runs that failed for good."""
        async with self._reachable():
            found: Any = await self._redis.zrevrange(f"{self._prefix}dead", 0, limit - 1)
        return [each.decode() for each in found]

    async def _run(self, script: str, *arguments: Any) -> Any:
        async with self._reachable():
            return await self._pipelining.run(self._scripts[script], arguments)

    async def _run_again(self, script: str, *arguments: Any) -> Any:
        """Do a step that a second time changes nothing; ask once more where no answer comes.

        After a failover, connections that stayed open may lead nowhere: all that are idle are made anew.
        """
        from redis.exceptions import ConnectionError as Disconnected
        from redis.exceptions import TimeoutError as Unanswered

        async with self._reachable():
            try:
                async with asyncio.timeout(FIRST_TRY):
                    return await self._pipelining.run(self._scripts[script], arguments)
            except (Disconnected, Unanswered, TimeoutError):
                await self._redis.connection_pool.disconnect(inuse_connections=False)
                return await self._pipelining.run(self._scripts[script], arguments)

    @asynccontextmanager
    async def _reachable(self, seconds: float = TIMEOUT) -> AsyncIterator[None]:
        """Bound what is inside; turn the client's errors into `Unavailable`, which names no host or key."""
        from redis.exceptions import RedisError, ResponseError

        try:
            async with asyncio.timeout(seconds):
                yield
        except ResponseError as error:
            if self._refusals.admit() is not None:
                code = str(error).partition(" ")[0]  # as OOM, MISCONF, WRONGTYPE; what follows may hold names
                reason = code if code.isupper() else type(error).__name__
                logger.warning("the queue refuses what it is asked: %s", reason)
            raise Unavailable("The queue takes nothing at the moment; try again.") from error
        except (RedisError, OSError) as error:
            raise Unavailable("The queue does not respond; try again.") from error


def new_id() -> str:
    """Return the id of a new run, which nobody can guess."""
    return f"run_{secrets.token_urlsafe(15)}"


def _flat(fields: Mapping[str, Any]) -> list[Any]:
    return [part for pair in fields.items() for part in pair]


def _texts(values: list[bytes]) -> frozenset[str]:
    return frozenset(each.decode() for each in values)


def _taken(run_id: bytes, pairs: list[bytes]) -> Taken:
    fields = {name.decode(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    return Taken(run_id.decode(), int(fields["tries"]), fields)

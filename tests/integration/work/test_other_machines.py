"""A queue on another machine: TLS, a primary that gives way to its replica, and users with a key prefix."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import Redis

from runtime.commands.checking.queue import check_queue
from runtime.config import Rate
from runtime.gate.deliveries import deliveries_at
from runtime.gate.idempotency.answers import answers_at
from runtime.gate.rates import rates_at
from runtime.work.queue.queue import Queue, new_id
from runtime.work.worker.keeper import WorkerLease
from shared.agents import RunStore
from shared.errors import Unavailable
from shared.redis_url import RedisUrl
from shared.secret import Secret
from tests.fixtures.service import free_port, until
from tests.fixtures.tls import certificates
from tests.fixtures.valkey import Relay, relaying, serving_redis

FIELDS = {"job": "/mail", "path": "/mail", "data": "{}", "retries": 1, "kept": 60}


@asynccontextmanager
async def queue_at(url: str) -> AsyncIterator[Queue]:
    made = Queue.from_url(Secret(url))
    try:
        yield made
    finally:
        await made.close()


async def once_through(url: str) -> str:
    """Queue a run, renew a lease as the keeper does, do the run, and return its state."""
    async with queue_at(url) as queue:
        run = await queue.enqueue(new_id(), FIELDS, key="k", delay=0)
        lease = WorkerLease(RedisUrl(Secret(url)), "w", 30, timeout=3)
        assert await asyncio.to_thread(lease.renew)
        (taken,) = (await queue.take("w", {"/mail": 1})).taken
        await queue.keep("w", taken, "step:one", b"1")
        await queue.tick("w")
        await queue.done("w", taken, b"null")
        return (await queue.read(run))["state"].decode()


@pytest.fixture
def tls_redis(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    root, port = certificates(tmp_path), free_port()
    files = ["--tls-cert-file", str(tmp_path / "server.pem"), "--tls-key-file", str(tmp_path / "server.key")]
    with serving_redis(tmp_path, *files, "--tls-port", str(port), "--tls-auth-clients", "no"):
        yield port, root


async def test_a_queue_behind_tls_needs_its_url_alone(tls_redis: tuple[int, Path]):
    port, root = tls_redis
    assert await once_through(f"rediss://localhost:{port}?ssl_ca_certs={root}") == "done"


@pytest.mark.parametrize(
    ("host", "is_trusted"),
    [("localhost", False), ("127.0.0.1", True)],
    ids=["another signer", "another name"],
)
async def test_a_server_that_is_not_who_the_url_names_is_given_no_work(
    tls_redis: tuple[int, Path], host: str, is_trusted: bool
):
    port, root = tls_redis
    url = f"rediss://{host}:{port}" + (f"?ssl_ca_certs={root}" if is_trusted else "")
    with pytest.raises(Unavailable):
        await once_through(url)
    (found,) = await check_queue(Secret(url), timeout=5)
    assert (found.is_fault, "certificate" in found.text) == (True, True)


class Pair:
    """A primary, its replica, and the address under which a service knows them."""

    def __init__(self, primary: Redis, replica: Redis, relay: Relay, second: int) -> None:
        self.primary, self.replica, self.relay = primary, replica, relay
        self.url = f"redis://127.0.0.1:{relay.port}"
        self._second = second

    def hand_over(self) -> None:
        """Promote the replica once it has everything, and make the primary a replica that stays connected."""
        self.primary.set("last", "1")
        assert self.primary.wait(1, 10_000) == 1
        self.replica.replicaof("NO", "ONE")
        self.primary.replicaof("127.0.0.1", str(self._second))
        self.relay.move(self._second)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    first, second = free_port(), free_port()
    following = ("--replicaof", "127.0.0.1", str(first), "--repl-diskless-sync-delay", "0")
    with (
        serving_redis(tmp_path / "1", "--port", str(first), "--repl-diskless-sync-delay", "0"),
        serving_redis(tmp_path / "2", "--port", str(second), *following),
        Redis(port=first) as primary,
        Redis(port=second) as replica,
        relaying(first) as relay,
    ):
        yield Pair(primary, replica, relay, second)


async def test_work_goes_on_at_the_replica_that_takes_over_while_connections_are_open(pair: Pair):
    lease = WorkerLease(RedisUrl(Secret(pair.url)), "w", 60, timeout=3)
    async with queue_at(pair.url) as queue:
        one, other = [await queue.enqueue(new_id(), FIELDS, key="", delay=0) for _ in range(2)]
        assert await asyncio.to_thread(lease.renew)
        (taken,) = (await queue.take("w", {"/mail": 1})).taken
        await asyncio.to_thread(pair.hand_over)
        assert await queue.done("w", taken, b"null")
        assert await asyncio.to_thread(lease.renew)
        (second,) = (await queue.take("w", {"/mail": 1})).taken
        assert await queue.done("w", second, b"null")
        assert [(await queue.read(each))["state"] for each in (one, other)] == [b"done", b"done"]


async def test_a_lost_answer_to_enqueue_is_not_a_second_run(pair: Pair):
    async with queue_at(pair.url) as queue:
        run, again = new_id(), Queue.from_url(Secret(pair.url))
        await queue.depths()  # connects
        pair.relay.is_deaf = True
        with pytest.raises((Unavailable, TimeoutError)):
            await queue.enqueue(run, FIELDS, key="", delay=0)
        pair.relay.is_deaf = False
        assert await again.enqueue(run, FIELDS, key="", delay=0) == run
        assert [each.waiting for each in await again.depths()] == [1]
        await again.close()


@pytest.mark.parametrize("is_held", [False, True], ids=["at once", "in a transaction"])
async def test_a_run_is_queued_once_though_the_idle_connections_lead_nowhere(pair: Pair, is_held: bool):
    async with queue_at(pair.url) as queue:
        await asyncio.gather(*(queue.read(new_id()) for _ in range(5)))  # as many connections
        pair.relay.swallow()
        run = new_id()
        assert await queue.enqueue(run, FIELDS, key="", delay=0, transaction="7" if is_held else "") == run
        if is_held:
            pair.relay.swallow()
            await queue.release(run, is_committed=True)
        assert pair.relay.swallowed
        assert [each.waiting for each in await queue.depths()] == [1]


async def test_a_run_is_queued_once_though_its_connection_was_cut(pair: Pair):
    async with queue_at(pair.url) as queue:
        await queue.depths()
        pair.relay.is_deaf = True
        asked = asyncio.create_task(queue.enqueue(new_id(), FIELDS, key="", delay=0))
        await asyncio.to_thread(until, lambda: pair.relay.swallowed)
        pair.relay.is_deaf = False
        pair.relay.cut()
        await asked
        assert [each.waiting for each in await queue.depths()] == [1]


@pytest.mark.parametrize("prefix", ["", "shop:", "a'b\"\\:%"], ids=["none", "plain", "quotes"])
async def test_a_user_who_may_use_keys_of_one_prefix_alone_has_everything(tmp_path: Path, prefix: str):
    port = free_port()
    with serving_redis(tmp_path / "1", "--port", str(port)), Redis(port=port) as server:
        keys = (prefix + "annex:*").replace("\\", "\\\\")
        server.execute_command(
            "ACL", "SETUSER", "app", "on", ">secret", f"~{keys}", f"&{keys}", "+@all", "-@admin"
        )
        url = f"redis://app:secret@127.0.0.1:{port}" + (f"?keyPrefix={quote(prefix)}" if prefix else "")
        assert await once_through(url) == "done"
        async with queue_at(url) as queue:
            await everything(queue)
        await others(Secret(url))
        assert not [each for each in server.execute_command("ACL", "LOG") if b"app" in each.values()]
        assert all(key.decode().startswith(f"{prefix}annex:") for key in server.scan_iter())


async def everything(queue: Queue) -> None:
    """Have the queue do each of its steps."""
    await queue.renew("one", 30)
    runs = [await queue.enqueue(new_id(), FIELDS, key="", delay=0) for _ in range(4)]
    late = await queue.enqueue(new_id(), FIELDS, key="", delay=60)
    held = [await queue.enqueue(new_id(), FIELDS, key=f"k{n}", delay=0, transaction="7") for n in range(2)]
    assert len(await queue.held(-1)) == 2
    for number, run in enumerate(held):
        await queue.release(run, is_committed=bool(number))
    batch = await queue.take("one", {"/mail": 10})
    assert len(batch.taken) == 5
    first, second, third, *_ = batch.taken
    await queue.progress("one", first, 0.5)
    await queue.keep("one", first, "step:a", b"1")
    await queue.sleep("one", second, "sleep:a", 60)
    await queue.failed("one", third, b"{}", None)
    assert await queue.dead() == [third.id]
    assert await queue.revive(third.id)
    for run in (*runs, late):
        await queue.cancel(run)
    await queue.fire("s", 0, new_id(), FIELDS, now=1, overlap=False)
    await queue.tick("one")
    await queue.retire("one")
    assert await queue.depths()
    assert await queue.runs(10)
    assert await queue.steps(first.id)
    with suppress(Unavailable):
        await queue.wait("0-0", 0.1)


async def others(url: Secret) -> None:
    """Have whatever else uses the server do something."""
    rates, answers, deliveries, store = (
        rates_at(url),
        answers_at(url),
        deliveries_at(url),
        RunStore.from_url(url),
    )
    assert (await rates.take("k", Rate(2, 60))).remaining == 1
    assert (await answers.claim("k", "t", b"c", lease=1, kept=1)).state == "new"
    assert await store.spent.spend("t", 5)
    assert deliveries is not None
    assert await deliveries._client.ping()
    for each in (rates, answers, deliveries, store):
        await each.close()

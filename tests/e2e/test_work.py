"""Queued work in real worker processes, which are killed, stopped and cut off."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from redis import Redis

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import Service, annex, free_port, until
from tests.fixtures.valkey import RedisServer, relaying, serving_redis
from tests.fixtures.work import DIARY, LEASE, NO_DATABASE, Works, working

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def works(tmp_path: Path, issuer: Issuer, redis_server: RedisServer) -> Iterator[Works]:
    with working(tmp_path, issuer, redis_server.url) as made:
        yield made


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Works]:
    folder = tmp_path_factory.mktemp("lasting")
    with serving_redis(folder / "redis") as server, working(folder, issuer, server.url) as made:
        yield made


@pytest.fixture
def shared(lasting: Works) -> Works:
    """One service for the tests after which it goes on; each has a diary of its own."""
    lasting.begin()
    return lasting


def test_a_run_is_done_and_keeps_its_result(shared: Works):
    fields = shared.wait(shared.enqueue())
    assert (fields["result"], fields["progress"], shared.diary()) == (b'"try 1"', b"1", ["begin", "end"])


def test_a_worker_that_is_killed_in_a_job_has_it_done_again_once(shared: Works):
    run = shared.enqueue(seconds=2)
    os.kill(shared.begun(), signal.SIGKILL)
    assert shared.wait(run)["result"] == b'"try 2"'
    shared.wait(shared.enqueue("/diary", diary="/dev/null"))  # whatever waited before it has begun
    assert shared.diary() == ["begin", "begin", "end"]


def test_a_keeper_that_is_killed_takes_its_worker_along_and_the_job_is_done_again_once(
    works: Works, tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    run = works.enqueue(seconds=3)
    works.begun()
    works.service.process.kill()
    with working(tmp_path, issuer, redis_server.url) as other:
        assert other.wait(run)["result"] == b'"try 2"'
        time.sleep(LEASE + 2)
        assert other.diary() == ["begin", "begin", "end"]


def test_a_job_of_ten_leases_that_waits_blocks_its_loop_and_holds_the_interpreter_is_done_once(
    works: Works, tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    with working(tmp_path, issuer, redis_server.url) as other:
        run = works.enqueue(seconds=10 * LEASE / 3, how="sleep block hold")
        other.wait(run)
        assert other.diary() == ["begin", "end"]


def test_a_worker_that_is_stopped_for_less_than_its_lease_keeps_its_job(
    works: Works, tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    with working(tmp_path, issuer, redis_server.url):
        run = works.enqueue(seconds=2)
        worker = works.begun()
        keeper = works.service.process.pid if works.worker() == worker else None
        for pid in (keeper, worker):
            if pid:
                os.kill(pid, signal.SIGSTOP)
        time.sleep(0.4 * LEASE)
        for pid in (keeper, worker):
            if pid:
                os.kill(pid, signal.SIGCONT)
        works.wait(run)
        assert works.diary() == ["begin", "end"]


def test_a_job_that_fails_is_tried_again_and_then_a_dead_letter(shared: Works):
    fields = shared.wait(shared.enqueue(how="fail"), "failed")
    assert shared.diary() == ["begin"] * 3
    assert b"secret" not in fields["error"]


def test_a_run_under_way_can_be_cancelled(shared: Works):
    run = shared.enqueue(seconds=30)
    shared.begun()
    shared.cancel(run)
    shared.wait(run, "cancelled")
    assert shared.diary() == ["begin"]


def test_sigterm_lets_a_short_job_finish(works: Works):
    run = works.enqueue(seconds=1)
    works.begun()
    assert works.service.stop() == 0
    assert (works.state(run), works.diary()) == ("done", ["begin", "end"])


def test_sigterm_hands_back_a_long_job_without_counting_the_try(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    with working(tmp_path, issuer, redis_server.url, ANNEX_DRAIN_TIMEOUT="1") as works:
        run = works.enqueue(seconds=4)
        works.begun()
        assert works.service.stop() == 0
        assert (works.state(run), works.fields(run)["tries"]) == ("queued", b"0")
    with working(tmp_path, issuer, redis_server.url) as other:
        assert other.wait(run)["result"] == b'"try 1"'


def test_a_flush_in_the_middle_loses_what_was_queued_and_work_goes_on(shared: Works):
    shared.enqueue(seconds=1)
    shared.begun()
    shared._ask(lambda queue: queue._redis.flushall())
    assert shared.wait(shared.enqueue())["result"] == b'"try 1"'


def test_a_server_that_is_away_for_less_than_the_lease_costs_nothing(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    with working(tmp_path, issuer, redis_server.url, ANNEX_JOB_LEASE="10") as works:
        run = works.enqueue(seconds=4)
        works.begun()
        redis_server.hang()
        time.sleep(2)
        redis_server.resume()
        works.wait(run)
        assert works.diary() == ["begin", "end"]


def test_a_server_that_restarts_with_its_data_in_the_middle_of_a_job_loses_nothing(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    redis_server.keep()
    with working(tmp_path, issuer, redis_server.url, ANNEX_JOB_LEASE="20") as works:
        run, waiting = works.enqueue(seconds=3), works.enqueue("/newer")
        works.begun()
        redis_server.stop()
        redis_server.start()
        works.wait(run)
        assert (works.diary(), works.state(waiting)) == (["begin", "end"], "queued")


def test_a_worker_that_is_stopped_for_longer_than_its_lease_loses_its_job_to_another(
    works: Works, tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    run = works.enqueue(seconds=3)
    stopped = [works.service.process.pid, works.begun()]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        with working(tmp_path, issuer, redis_server.url) as other:
            assert other.wait(run)["result"] == b'"try 2"'
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    until(lambda: not psutil.pid_exists(stopped[1]))
    assert works.fields(run)["result"] == b'"try 2"'


def test_sighup_replaces_the_worker_once_its_job_is_done(shared: Works):
    run = shared.enqueue(seconds=1)
    first = shared.begun()
    shared.service.process.send_signal(signal.SIGHUP)
    shared.wait(run)
    until(lambda: shared.worker() != first)
    shared.wait(shared.enqueue())
    assert (shared.diary(), shared.begun(2) != first) == (["begin", "end", "begin", "end"], True)


def test_a_job_that_this_version_does_not_know_waits_for_one_that_does(
    works: Works, tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    run = works.enqueue("/newer")
    works.wait(works.enqueue())
    assert works.state(run) == "queued"
    diary = (tmp_path / "functions" / "diary.py").read_text()
    (tmp_path / "newer").mkdir()
    with working(tmp_path / "newer", issuer, redis_server.url, {"newer.py": diary}) as newer:
        newer.wait(run)


def test_a_worker_that_cannot_renew_its_lease_ends_before_others_do_its_work(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    with working(tmp_path, issuer, redis_server.url, ANNEX_JOB_LEASE="5") as works:
        works.enqueue(seconds=60)
        worker = works.begun()
        redis_server.hang()
        time.sleep(5)
        is_alive = psutil.pid_exists(worker)
        redis_server.resume()
        assert not is_alive


QUEUE = '''"""Queue a run of the diary."""

from runtime import Function, Jobs

config = Function(public=True)


async def post(diary: str, jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/now", None)).id
'''
NOW = '''"""Work without data."""

from pathlib import Path

from runtime import Function

config = Function(public=True, schedule="* * * * *", catch_up=3600)


async def job() -> None:
    """Write down that it was done."""
    with (Path(__file__).parents[1] / "slots").open("a") as slots:
        slots.write("done\\n")
'''


def test_serve_has_a_worker_beside_it_which_ends_with_it(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    files = {"now.py": NOW, "queue.py": QUEUE}
    environ = environment(issuer, NO_DATABASE, functions_of(tmp_path, files), REDIS_URL=redis_server.url)
    with annex("serve", tmp_path, environ) as service:
        httpx.post(f"{service.url}/queue?diary=x", timeout=30).raise_for_status()
        until((tmp_path / "slots").exists)
        children = psutil.Process(service.process.pid).children(recursive=True)
        assert service.stop() == 0
        psutil.wait_procs(children, timeout=10)
        assert not [each for each in children if each.is_running()]


def test_two_web_workers_have_one_worker_for_jobs_which_is_replaced_and_ends_with_the_parent(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    files = {"now.py": NOW, "queue.py": QUEUE}
    settings = environment(issuer, NO_DATABASE, functions_of(tmp_path, files), REDIS_URL=redis_server.url)
    with annex("serve", tmp_path, {**settings, "ANNEX_WORKERS": "2"}) as service:
        until(lambda: len(keepers(service)) == 1)
        (first,) = keepers(service)
        first.kill()
        until(lambda: keepers(service) not in ([], [first]))
        httpx.post(f"{service.url}/queue?diary=x", timeout=30).raise_for_status()
        until((tmp_path / "slots").exists)
        children = psutil.Process(service.process.pid).children(recursive=True)
        assert len(keepers(service)) == 1
        service.process.kill()
        assert psutil.wait_procs(children, timeout=20)[1] == []
    assert "the worker for jobs ended with status -9" in service.log


def keepers(service: Service) -> list[psutil.Process]:
    """Return the children of the parent that do queued work."""
    return [each for each in psutil.Process(service.process.pid).children() if "work" in each.cmdline()]


def test_a_file_with_only_a_job_that_would_harm_the_worker_is_not_run_and_others_go_on(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    harmful = (
        "import os, sys\nif 'pytest' not in sys.modules:\n    os._exit(9)\nasync def job() -> None: ...\n"
    )
    files = {"diary.py": DIARY, "harmful.py": harmful}
    with working(tmp_path, issuer, redis_server.url, files) as works:
        works.wait(works.enqueue())
        assert works.service.log.count("function quarantined: harmful.py") == 1


def test_ten_workers_with_one_schedule_fire_each_slot_once(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer
):
    """The first one sees the schedule; it is then set back, as if all had been away for two slots."""
    with contextlib.ExitStack() as stack, Redis.from_url(redis_server.url) as server:

        def start(number: int) -> None:
            folder = tmp_path / str(number)
            folder.mkdir()
            stack.enter_context(working(folder, issuer, redis_server.url, {"now.py": NOW}))

        start(0)
        until(lambda: server.keys("annex:work:slot:*"), seconds=90)
        (schedule,) = server.keys("annex:work:slot:*")
        begun = time.time()
        server.hset(schedule, "last", int(begun * 1000) - 130_000)
        for number in range(1, 10):
            start(number)
        until(lambda: server.zcount("annex:work:workers", "-inf", "+inf") == 10, seconds=120)
        until(lambda: [*tmp_path.glob("*/slots")], seconds=90)
        time.sleep(2)
        done = sum(len(each.read_text().splitlines()) for each in tmp_path.glob("*/slots"))
        passed = int(time.time() // 60) - int(begun // 60)
        assert 1 <= done <= 1 + passed


def test_work_goes_on_at_a_replica_that_takes_over_in_the_middle_of_a_job(tmp_path: Path, issuer: Issuer):
    first, second = free_port(), free_port()
    following = ("--port", str(second), "--replicaof", "127.0.0.1", str(first))
    with (
        serving_redis(tmp_path / "1", "--port", str(first), "--repl-diskless-sync-delay", "0") as primary,
        serving_redis(tmp_path / "2", *following),
        relaying(first) as relay,
        working(tmp_path, issuer, f"redis://127.0.0.1:{relay.port}", ANNEX_JOB_LEASE="20") as works,
    ):
        run, waiting = works.enqueue(seconds=4), works.enqueue("/newer")
        works.begun()
        with Redis(port=first) as asked:
            assert asked.execute_command("WAIT", 1, 30_000) == 1
        primary.stop()
        with Redis(port=second) as asked:
            asked.replicaof("NO", "ONE")
        relay.move(second)
        works.wait(run)
        works.wait(works.enqueue())
        assert (works.diary(), works.state(waiting)) == (["begin", "end", "begin", "end"], "queued")

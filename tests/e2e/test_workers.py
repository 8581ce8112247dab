"""Real worker processes that die, hang and are replaced, while the service goes on."""

import contextlib
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.figures import Figure
from tests.fixtures.production import SLOW, environment, functions_of
from tests.fixtures.service import Service, annex, until

pytestmark = pytest.mark.timeout(300)

NO_DATABASE = "postgresql://app@127.0.0.1:1/app"
OPEN = (
    '"""A function."""\n\nimport asyncio, ctypes, multiprocessing, os, re, sys\n\n'
    "from runtime import Function\n\nconfig = Function(public=True, timeout=100)\n\n\n"
)
FILES = {
    "good.py": f"{OPEN}async def get() -> int:\n    return os.getpid()\n",
    "slow.py": SLOW,
    "exits.py": f"{OPEN}async def get() -> str:\n    os._exit(1)\n",
    "exits_well.py": f"{OPEN}def get() -> str:\n    os._exit(0)\n",
    "crashes.py": f"{OPEN}async def get() -> str:\n    return str(ctypes.string_at(0))\n",
    "backtracks.py": f"{OPEN}def get() -> str:\n    return str(re.match('(a+)+$', 'a' * 60 + 'b'))\n",
    "limits.py": (
        f"{OPEN}async def get() -> str:\n    import resource\n"
        "    os.setresuid(65534, 65534, 65534) if not os.getuid() else None  # root may raise it again\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))\n    return ''\n"
    ),
    "counts.py": f"{OPEN}async def get() -> str:\n    return str(sum(range(10**13)))\n",
}
MEDDLING = {
    "stops_the_loop": "asyncio.get_running_loop().stop()",
    "exits_in_a_callback": "asyncio.get_running_loop().call_soon(sys.exit)",
    "cancels_every_task": "[task.cancel() for task in asyncio.all_tasks()]",
    "sets_a_task_factory": "asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)",
    "forks": "os.fork()",
    "starts_a_child": (
        "child = multiprocessing.get_context('fork').Process(target=print); child.start(); child.join()"
    ),
    "signals_its_group": "os.killpg(0, 28)",
}


@contextlib.contextmanager
def serving(
    tmp_path: Path, issuer: Issuer, files: dict[str, str] | None = None, **more: str
) -> Iterator[Service]:
    functions = functions_of(tmp_path, FILES if files is None else files)
    with annex("serve", tmp_path, environment(issuer, NO_DATABASE, functions, **more)) as service:
        yield service


def workers(service: Service) -> list[psutil.Process]:
    """Return the processes that the parent keeps."""
    return psutil.Process(service.process.pid).children()


def serving_pids(service: Service, count: int = 1) -> set[int]:
    """Return the process ids of the workers that serve, once there are `count`."""
    found: set[int] = set()

    def asked() -> bool:
        found.add(httpx.get(f"{service.url}/good").json())
        return len(found) >= count

    until(asked)
    return found


def told(service: Service, text: str) -> dict[str, object]:
    """Return the parent's line that has `text`, once there is one."""

    def lines() -> list[str]:
        return [line for line in service.log.splitlines() if text in line and "annex.parent" in line]

    until(lines)
    found: dict[str, object] = json.loads(lines()[-1])
    return found


def has_spare(service: Service, count: int = 2) -> bool:
    """Whether the last of `count` processes stands by."""
    pids = [each.pid for each in workers(service)]
    return len(pids) >= count and any(
        "stands by" in line and json.loads(line)["pid"] == pids[-1] for line in service.log.splitlines()
    )


class Callers:
    """Threads that call without a pause, each call on a connection of its own.

    Attributes:
        answers: how many there were of each kind: a status, or the name of an exception.
        slowest: seconds of the longest call.
    """

    def __init__(self, url: str, count: int = 4) -> None:
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(count)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                answer = str(httpx.get(self._url, timeout=30).status_code)
            except httpx.HTTPError as error:
                answer = type(error).__name__
            self.answers[answer] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)


def call_in_vain(service: Service, path: str) -> None:
    """Call a function that costs its worker."""
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{service.url}{path}", timeout=30)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/exits", "ended with status 1"),
        ("/exits_well", "ended with status 0"),
        ("/crashes", "was ended by SIGSEGV"),
        ("/backtracks", "was silent for"),
        ("/counts", "was silent for"),
    ],
)
def test_a_function_that_ends_or_holds_its_worker_costs_that_worker_and_is_named(
    tmp_path: Path, issuer: Issuer, figure: Figure, path: str, cause: str
):
    with serving(tmp_path, issuer) as service:
        until(lambda: has_spare(service))
        with Callers(f"{service.url}/good", count=1) as callers:
            call_in_vain(service, path)
            line = told(service, cause)
            time.sleep(0.5)
    figure(f"longest wait of a neighbour during {path}, in seconds", round(callers.slowest, 2))
    assert set(callers.answers) <= {"200", "RemoteProtocolError", "ReadError"}
    assert callers.answers.total() - callers.answers["200"] <= 1  # what the worker had taken already
    assert line["function"] == f"{path[1:]}.py"
    assert line["level"] == "error"


@pytest.fixture(scope="module")
def meddled(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Service]:
    """A service whose functions do to the loop, and to the process, what none should."""
    files = {
        f"{name}.py": f"{OPEN}async def get() -> str:\n    {code}\n    return 'done'\n"
        for name, code in MEDDLING.items()
    }
    files["forks_in_a_thread.py"] = f"{OPEN}def get() -> str:\n    os.fork()\n    return 'done'\n"
    with serving(tmp_path_factory.mktemp("meddled"), issuer, {**FILES, **files}) as service:
        yield service


@pytest.mark.parametrize("name", [*MEDDLING, "forks_in_a_thread"])
def test_a_function_that_meddles_with_loop_or_process_costs_nobody_else_a_call(meddled: Service, name: str):
    pids = serving_pids(meddled)
    answers: list[int] = []
    neighbour = threading.Thread(
        target=lambda: answers.append(httpx.get(f"{meddled.url}/slow?seconds=1").status_code)
    )
    neighbour.start()
    time.sleep(0.3)
    with contextlib.suppress(httpx.TransportError):  # what it does to its own call is its own affair
        assert httpx.get(f"{meddled.url}/{name}").content.count(b"done") <= 1
    after = [httpx.get(f"{meddled.url}/good").json() for _ in range(5)]
    neighbour.join()
    assert (answers, set(after)) == ([200], pids)
    left = psutil.Process(min(pids)).children()
    assert {each.status() for each in left} <= {
        psutil.STATUS_ZOMBIE
    }  # which the function should have waited for


def test_of_two_functions_in_threads_the_one_that_holds_the_interpreter_is_named(
    tmp_path: Path, issuer: Issuer
):
    files = {
        **FILES,
        "waits.py": f"import time\n{OPEN}def get() -> str:\n    time.sleep(60)\n    return ''\n",
    }
    with serving(tmp_path, issuer, files) as service:
        waiting = threading.Thread(target=call_in_vain, args=(service, "/waits"))
        waiting.start()
        time.sleep(0.5)
        call_in_vain(service, "/backtracks")
        waiting.join()
        assert told(service, "was silent for")["function"] == "backtracks.py"


def test_a_worker_killed_under_load_loses_its_own_calls_alone(tmp_path: Path, issuer: Issuer, figure: Figure):
    with serving(tmp_path, issuer, ANNEX_WORKERS="2") as service:
        pids = serving_pids(service, 2)
        with Callers(f"{service.url}/slow?seconds=0.05", count=6) as callers:
            time.sleep(1)
            os.kill(min(pids), signal.SIGKILL)
            until(lambda: len(serving_pids(service, 2) - pids) == 1)
        assert service.stop() == 0
    figure("calls, and lost ones", dict(callers.answers))
    assert callers.answers.total() - callers.answers["200"] <= 6  # one a caller
    assert "is closed" not in service.log  # nothing says that a function did it


@pytest.mark.parametrize("path", ["/exits", "/crashes", "/backtracks"])
def test_a_function_that_cost_two_workers_is_closed_until_sighup(tmp_path: Path, issuer: Issuer, path: str):
    with serving(tmp_path, issuer) as service:
        for _ in range(2):
            call_in_vain(service, path)
        told(service, "is closed")
        refused = httpx.get(f"{service.url}{path}", timeout=30)
        ready = httpx.get(f"{service.url}/health/ready").json()
        pids = serving_pids(service)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: serving_pids(service).isdisjoint(pids))
        until(lambda: not psutil.pid_exists(min(pids)))
        call_in_vain(service, path)
    assert (refused.status_code, refused.json()["code"]) == (503, "function_unavailable")
    assert [each["file"] for each in ready["checks"]["functions"]["detail"]["quarantined"]] == [
        f"{path[1:]}.py"
    ]
    assert [each["file"] for each in ready["checks"]["service"]["detail"]["deaths"]] == [f"{path[1:]}.py"] * 2


@pytest.mark.parametrize("count", ["1", "2"])
def test_sighup_replaces_every_worker_under_load_without_a_lost_request(
    tmp_path: Path, issuer: Issuer, figure: Figure, count: str
):
    with serving(tmp_path, issuer, ANNEX_WORKERS=count) as service:
        pids = serving_pids(service, int(count))
        with (
            httpx.Client(base_url=service.url) as kept,
            Callers(f"{service.url}/slow?seconds=0.02") as callers,
        ):
            service.process.send_signal(signal.SIGHUP)
            while any(map(psutil.pid_exists, pids)):
                assert kept.get("/good").status_code == 200
        assert serving_pids(service, int(count)).isdisjoint(pids)
        assert service.stop() == 0
    figure("answers during the replacement", dict(callers.answers))
    assert set(callers.answers) == {"200"}


def test_sigterm_lets_both_workers_finish_and_exits_with_0(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer, ANNEX_WORKERS="2", ANNEX_DRAIN_DELAY="3") as service:
        serving_pids(service, 2)
        answers: list[int] = []
        callers = [
            threading.Thread(
                target=lambda: answers.append(httpx.get(f"{service.url}/slow?seconds=1").status_code)
            )
            for _ in range(8)
        ]
        for caller in callers:
            caller.start()
        time.sleep(1)  # the calls are on their way, and are taken for three more
        assert service.stop(signal.SIGTERM) == 0
        for caller in callers:
            caller.join()
    assert answers == [200] * 8


def test_a_sigterm_that_comes_during_the_start_is_heard(tmp_path: Path, issuer: Issuer):
    settings = environment(issuer, NO_DATABASE, functions_of(tmp_path, FILES))
    with annex("serve", tmp_path, settings, wait=False) as service:
        until(lambda: holds_sigterm(service.process.pid) or workers(service))
        assert service.stop(signal.SIGTERM) == 0


def holds_sigterm(pid: int) -> bool:
    """Whether the signal is kept for later, as a container's first process must keep it."""
    status = Path(f"/proc/{pid}/status").read_text()
    blocked = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk"))
    return bool(int(blocked, 16) >> (signal.SIGTERM - 1) & 1)


def test_workers_whose_parent_was_killed_finish_their_calls_and_end(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer, ANNEX_WORKERS="2") as service:
        serving_pids(service, 2)
        until(lambda: has_spare(service, 3), seconds=60)  # one that still imports notices nothing meanwhile
        children = workers(service)
        answers: list[int] = []
        with httpx.Client(base_url=service.url, timeout=60) as client:
            client.get("/slow?seconds=0")  # a client takes long to make on a busy machine, and to connect
            caller = threading.Thread(
                target=lambda: answers.append(client.get("/slow?seconds=3").status_code)
            )
            caller.start()
            time.sleep(1)  # the request is on its way; nothing tells from outside that it has begun
            service.process.kill()
            caller.join()
        _, alive = psutil.wait_procs(children, timeout=20)
    assert answers == [200]
    assert alive == []


def test_a_worker_that_cannot_start_is_tried_again_after_pauses_that_grow(tmp_path: Path, issuer: Issuer):
    breaks = (
        "import os, pathlib, sys\n\n"
        "is_tried = 'runtime.rehearsal.stage' in sys.modules  # there it would be found out, and refused\n"
        "if pathlib.Path(__file__).with_name('broken').exists() and not is_tried:\n    os._exit(9)\n"
    )
    files = {**FILES, "late.py": breaks + OPEN + "async def get() -> str:\n    return ''\n"}
    with serving(tmp_path, issuer, files, ANNEX_SPARE="false", ANNEX_WORKERS="2") as service:
        pids = serving_pids(service, 2)
        (tmp_path / "functions" / "broken").touch()
        os.kill(min(pids), signal.SIGKILL)
        until(lambda: "begins in 0.4 s" in service.log)
        assert httpx.get(f"{service.url}/good").json() == max(pids)
        (tmp_path / "functions" / "broken").unlink()
        assert len(serving_pids(service, 2)) == 2
        assert service.stop() == 0
    told(service, "ended with status 9")


def test_a_service_whose_system_starts_no_further_process_goes_on_and_says_what_is_used_up(
    tmp_path: Path, issuer: Issuer
):
    with serving(tmp_path, issuer, ANNEX_SPARE="false", ANNEX_WORKERS="2") as service:
        pids = serving_pids(service, 2)
        parent = psutil.Process(service.process.pid)
        before = parent.rlimit(psutil.RLIMIT_NOFILE)
        # Root has no limit of processes; one of descriptors stops a start in the same place.
        parent.rlimit(psutil.RLIMIT_NOFILE, (5, before[1]))
        os.kill(min(pids), signal.SIGKILL)
        told(
            service, "cannot start a worker: this process may open no more files; raise its limit (ulimit -n)"
        )
        assert httpx.get(f"{service.url}/good").json() == max(pids)
        parent.rlimit(psutil.RLIMIT_NOFILE, before)
        assert len(serving_pids(service, 2)) == 2


def test_of_four_workers_one_that_dies_before_any_serves_costs_the_service_nothing(
    tmp_path: Path, issuer: Issuer
):
    # The second one ends; the others wait for that, so that it is the first to be done with its start.
    dies = (
        "import os, pathlib, sys, time\n\nhere = pathlib.Path(__file__).parent\n"
        "if 'runtime.rehearsal.stage' not in sys.modules:\n"
        "    count = len(list(here.glob('worker-*')))\n    (here / f'worker-{os.getpid()}').touch()\n"
        "    if count == 1:\n        (here / 'dead').touch()\n        os._exit(9)\n"
        "    while not (here / 'dead').exists():\n        time.sleep(0.05)\n    time.sleep(1)\n"
    )
    files = {**FILES, "dies.py": dies + OPEN + "async def get() -> str:\n    return ''\n"}
    more = {"ANNEX_WORKERS": "4", "ANNEX_SPARE": "false", "ANNEX_IMPORT_BUDGET": "60"}
    with serving(tmp_path, issuer, files, **more) as service:
        assert len(serving_pids(service, 4)) == 4
    told(service, "ended with status 9")


def test_files_are_tried_once_for_all_workers_and_once_more_at_sighup(tmp_path: Path, issuer: Issuer):
    note = (
        "import pathlib, sys\n\nif 'runtime.rehearsal.stage' in sys.modules:\n"
        "    with pathlib.Path(__file__).with_name('tried').open('a') as tried:\n        tried.write('.')\n"
    )
    files = {**FILES, "noted.py": note + OPEN + "async def get() -> str:\n    return ''\n"}
    tried = tmp_path / "functions" / "tried"
    with serving(tmp_path, issuer, files, ANNEX_WORKERS="2") as service:
        serving_pids(service, 2)
        pids = serving_pids(service, 2)
        until(lambda: has_spare(service, 3))
        spare = max(each.pid for each in workers(service) if each.pid not in pids)
        before = tried.read_text()  # a trial that has no processor for long is begun again
        os.kill(spare, signal.SIGKILL)
        until(lambda: not psutil.pid_exists(spare) and has_spare(service, 3))
        assert tried.read_text() == before
        service.process.send_signal(signal.SIGHUP)
        until(lambda: not any(map(psutil.pid_exists, pids)))
        assert service.stop() == 0
    assert len(before) < 3  # once for the three, and not once each
    assert len(tried.read_text()) > len(before)


def test_a_first_worker_that_ends_without_a_word_ends_the_service_with_its_cause(
    tmp_path: Path, issuer: Issuer
):
    dies = "import os, sys\nif 'runtime.rehearsal.stage' not in sys.modules:\n    os._exit(0)\n"
    files = {"dies.py": f"{dies}{OPEN}async def get() -> str:\n    return ''\n"}
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "dies.py").write_text(files["dies.py"])
    settings = environment(issuer, NO_DATABASE, tmp_path / "functions")
    with annex("serve", tmp_path, settings, wait=False) as service:
        assert service.process.wait(30) == 1
    assert "ended with status 0" in service.log


def test_without_a_spare_one_process_serves_and_is_still_replaced(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer, ANNEX_SPARE="false") as service:
        pids = serving_pids(service)
        time.sleep(1)
        assert [each.pid for each in workers(service)] == [*pids]
        call_in_vain(service, "/exits")
        assert httpx.get(f"{service.url}/good", timeout=30).json() not in pids


def test_the_parent_is_small_and_has_imported_nothing_of_the_service(
    tmp_path: Path, issuer: Issuer, figure: Figure
):
    with serving(tmp_path, issuer) as service:
        until(lambda: has_spare(service))
        parent = psutil.Process(service.process.pid)
        for name, process in (("parent", parent), *zip(("worker", "spare"), workers(service), strict=True)):
            memory = process.memory_full_info()
            figure(f"memory of the {name} in MiB, and its own share", (memory.rss >> 20, memory.uss >> 20))
        mapped = " ".join(each.path for each in parent.memory_maps())
    assert parent.pid == service.process.pid
    assert not any(name in mapped for name in ("msgspec", "asyncpg", "uvloop", "httptools"))


def test_a_worker_in_which_a_function_has_lowered_a_limit_for_good_is_replaced(
    tmp_path: Path, issuer: Issuer
):
    with serving(tmp_path, issuer) as service:
        for _ in range(2):
            until(lambda: has_spare(service))
            pids = serving_pids(service)
            assert httpx.get(f"{service.url}/limits", timeout=30).status_code == 200
            until(lambda: not any(map(psutil.pid_exists, pids)))  # noqa: B023  # called at once
        assert httpx.get(f"{service.url}/good", timeout=30).status_code == 200
        refused = httpx.get(f"{service.url}/limits", timeout=30)
        assert service.stop() == 0
    assert refused.json()["code"] == "function_unavailable"
    assert told(service, "has a limit")["function"] == "limits.py"


def test_a_worker_that_is_stopped_is_replaced_and_one_whose_parent_was_stopped_is_not(
    tmp_path: Path, issuer: Issuer
):
    with serving(tmp_path, issuer) as service:
        until(lambda: has_spare(service))
        pids = serving_pids(service)
        service.process.send_signal(signal.SIGSTOP)
        time.sleep(4)  # longer than any silence that a worker may keep
        assert serving_pids(service) == pids
        service.process.send_signal(signal.SIGCONT)
        assert serving_pids(service) == pids
        os.kill(min(pids), signal.SIGSTOP)
        assert serving_pids(service).isdisjoint(pids)
        told(service, "was silent for")
        assert service.stop() == 0


def test_signals_that_come_twice_or_during_a_replacement_end_in_order(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer, ANNEX_WORKERS="2") as service:
        pids = serving_pids(service, 2)
        with Callers(f"{service.url}/slow?seconds=0.02", count=2) as callers:
            for _ in range(2):
                service.process.send_signal(signal.SIGHUP)
            until(lambda: not any(map(psutil.pid_exists, pids)), seconds=120)
        after = serving_pids(service, 2)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: len(workers(service)) > 2)
        os.kill(min(after), signal.SIGKILL)
        told(service, "SIGKILL")
        assert service.stop(signal.SIGTERM) == 0
    assert set(callers.answers) == {"200"}
    assert not any(map(psutil.pid_exists, after))


def is_connected(service: Service) -> bool:
    """Whether a worker has a caller."""
    connections = [each for worker in workers(service) for each in worker.net_connections()]
    return any(each.status == psutil.CONN_ESTABLISHED for each in connections)


def test_a_second_interrupt_cuts_calls_that_would_go_on(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer) as service:
        serving_pids(service)
        answers: list[int] = []
        caller = threading.Thread(
            target=lambda: answers.append(httpx.get(f"{service.url}/slow?seconds=25", timeout=60).status_code)
        )
        caller.start()
        until(lambda: is_connected(service))
        service.process.send_signal(signal.SIGINT)
        until(lambda: "stopping: 1 connections" in service.log)
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(60) == 0
        caller.join()
    assert answers != [200]


def test_a_worker_that_drains_when_its_parent_is_killed_finishes_its_calls(tmp_path: Path, issuer: Issuer):
    with serving(tmp_path, issuer) as service:
        serving_pids(service)
        answers: list[int] = []
        caller = threading.Thread(
            target=lambda: answers.append(httpx.get(f"{service.url}/slow?seconds=8", timeout=30).status_code)
        )
        caller.start()
        until(lambda: has_spare(service))
        children = workers(service)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: "is replaced" in service.log)
        children += workers(service)
        service.process.kill()
        caller.join()
        _, alive = psutil.wait_procs(children, timeout=30)
    assert (answers, alive) == ([200], [])


def test_a_log_that_cannot_be_written_costs_no_call(tmp_path: Path, issuer: Issuer):
    functions = functions_of(tmp_path, FILES)
    with (
        Path("/dev/full").open("wb") as full,
        annex("serve", tmp_path, environment(issuer, NO_DATABASE, functions), into=full.fileno()) as service,
    ):
        call_in_vain(service, "/exits")
        assert httpx.get(f"{service.url}/good", timeout=30).status_code == 200
        assert service.stop() == 0

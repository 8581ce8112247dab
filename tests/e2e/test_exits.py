"""A function that asks the process to end, in whatever way, ends its own call and nothing else."""

import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import ORIGIN, list_open_routes
from tests.fixtures.service import Service, annex, until

OPEN = "import asyncio, sys\nfrom runtime import Function\nconfig = Function(public=True)\n"
ENDING = {
    "exits": "async def get() -> str:\n    sys.exit(3)\n",
    "exits_later": "async def get() -> str:\n    await asyncio.sleep(0.01)\n    sys.exit(3)\n",
    "interrupts": "async def get() -> str:\n    raise KeyboardInterrupt\n",
    "exits_in_a_thread": "def get() -> str:\n    sys.exit(3)\n",
    "closes": "async def get() -> str:\n    raise GeneratorExit\n",
    "exits_in_a_group": (
        "async def end() -> None:\n    sys.exit(3)\n"
        "async def get() -> str:\n"
        "    async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(end())\n    return 'x'\n"
    ),
}
LEAVES = (
    "async def end() -> None:\n    await asyncio.sleep(0.01)\n    sys.exit(3)\n"
    "async def get() -> str:\n    asyncio.create_task(end())\n    return 'ok'\n"
)
THREAD = (
    "import threading, warnings\ndef fail() -> None:\n    raise RuntimeError('reading of a caller')\n"
    "class Failing:\n    def __del__(self) -> None:\n        fail()\n"
    "async def get() -> str:\n    threading.Thread(target=fail).start()\n    Failing()\n"
    "    warnings.warn('an old way')\n    return 'ok'\n"
)
STREAM = (
    "from collections.abc import AsyncIterator\nfrom runtime import Event\n"
    "class Tick(Event, tag='tick'):\n    number: int\n"
    "async def get() -> AsyncIterator[Tick]:\n    yield Tick(number=1)\n    sys.exit(3)\n"
)
GOOD = "async def get() -> str:\n    return 'ok'\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("exits")
    (folder / "functions").mkdir()
    for name, text in {**ENDING, "leaves": LEAVES, "thread": THREAD, "stream": STREAM, "good": GOOD}.items():
        (folder / "functions" / f"{name}.py").write_text(OPEN + text)
    list_open_routes(folder / "functions")
    settings = {
        "ANNEX_ENV": "production",
        "ANNEX_FUNCTIONS": str(folder / "functions"),
        "CLERK_JWT_KEY": issuer.pem,
        "CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
        "CORS_ORIGINS": ORIGIN,
        "HOST": "127.0.0.1",
        "ANNEX_DRAIN_DELAY": "0",
    }
    with annex("serve", folder, settings) as started:
        yield started


@pytest.mark.parametrize("name", ENDING)
def test_function_that_ends_the_process_is_answered_with_500_and_everything_else_serves(
    service: Service, name: str
) -> None:
    answer = httpx.get(f"{service.url}/{name}", headers={"Origin": ORIGIN})

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert httpx.get(f"{service.url}/good").json() == "ok"


def test_task_left_behind_that_ends_the_process_does_not(service: Service) -> None:
    assert httpx.get(f"{service.url}/leaves").json() == "ok"

    until(lambda: "a task that outlived its call failed" in service.log)

    assert httpx.get(f"{service.url}/good").json() == "ok"


def test_failing_thread_failing_destructor_and_warning_are_log_lines_without_the_exceptions_text(
    service: Service,
) -> None:
    assert httpx.get(f"{service.url}/thread").json() == "ok"

    expected = ("a thread ended with an exception", "an exception in a destructor", "an old way")
    until(lambda: all(text in service.log for text in expected))
    assert all(line.startswith("{") for line in service.log.splitlines())
    assert "reading of a caller" not in service.log


def test_stream_that_ends_the_process_ends_with_its_error_event(service: Service) -> None:
    answer = httpx.get(f"{service.url}/stream")

    events = [line for line in answer.text.splitlines() if line.startswith("event:")]
    assert events == ["event: tick", "event: error"]
    assert httpx.get(f"{service.url}/good").json() == "ok"


def test_service_still_stops_when_it_is_asked_to(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)

    assert service.process.wait(30) == 0

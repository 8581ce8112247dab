"""Files saved while the service runs, watched by the real watcher: the next request is served from them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent

import pytest

from runtime.dev.swap import HotSwap
from runtime.rehearsal import Rehearsal
from tests.fixtures.app import Caller, Compose
from tests.fixtures.routing import write_tree

OPEN = "from runtime import Function\n\nconfig = Function(public=True)\n\n"


def answering(text: str) -> str:
    return f'{OPEN}async def get() -> str:\n    return "{text}"\n'


class Session:
    """A running service over a folder that tests save into."""

    def __init__(self, project: Path, caller: Caller) -> None:
        self.project = project
        self.functions = project / "functions"
        self.restarts = 0
        self._caller = caller
        self._swapped = asyncio.Event()

    def after(self, _: object) -> None:
        self._swapped.set()

    def restart(self) -> None:
        self.restarts += 1
        self._swapped.set()

    async def save(self, files: dict[str, str | None]) -> None:
        """Write files, or delete where there is no text, and wait until they are taken in."""
        self._swapped.clear()
        write_tree(self.project, {name: text for name, text in files.items() if text is not None})
        for name, text in files.items():
            if text is None:
                (self.project / name).unlink()
        async with asyncio.timeout(30):
            await self._swapped.wait()

    async def comes_to_answer(self, path: str, value: object) -> None:
        """Wait until a function answers with `value`: two saves may be taken in one after the other."""
        async with asyncio.timeout(30):
            while (await self.get(path))[1] != value:  # noqa: ASYNC110  # a request tells, and no event
                await asyncio.sleep(0.02)

    async def get(self, path: str) -> tuple[int, object, str]:
        answer = await self._caller.anonymous("GET", path)
        return answer.status_code, answer.json(), answer.headers.get("x-annex-fault", "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own with two functions."""
    write_tree(
        tmp_path,
        {
            "functions/a.py": answering("one"),
            "functions/b.py": answering("beside"),
        },
    )
    return tmp_path


@pytest.fixture
async def session(project: Path, compose: Compose) -> AsyncIterator[Session]:
    async with compose(functions=project / "functions") as caller:
        session = Session(project, caller)
        with Rehearsal(project / "functions", budget=1, stays=True) as rehearsal:
            swap = HotSwap(
                caller.application,
                rehearsal=rehearsal,
                project=project,
                restart=session.restart,
                after=session.after,
            )
            async with swap:
                yield session


async def test_saved_file_is_served_from_the_next_request_on(session: Session) -> None:
    before = await session.get("/a")

    await session.save({"functions/a.py": answering("two")})

    assert before[1] == "one"
    assert (await session.get("/a"))[:2] == (200, "two")
    assert (await session.get("/b"))[:2] == (200, "beside")


async def test_new_renamed_and_deleted_files_are_taken_in(session: Session) -> None:
    echo = f"{OPEN}async def get(symbol: str) -> str:\n    return symbol\n"
    await session.save({"functions/signals/[symbol].py": echo})
    assert (await session.get("/signals/SPY"))[1] == "SPY"

    await session.save({"functions/a.py": None, "functions/c.py": answering("one")})
    assert (await session.get("/a"))[0] == 404
    assert (await session.get("/c"))[1] == "one"


async def test_broken_save_keeps_the_last_good_version_and_says_so(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    fault = "a.py:5: Invalid Python: invalid syntax. Fix the syntax."
    with caplog.at_level(logging.INFO):
        await session.save({"functions/a.py": f"{OPEN}async def get( -> str:\n"})

    assert await session.get("/a") == (200, "one", f"{fault} This is the last good version.")
    assert f"function quarantined: {fault}" in caplog.messages

    await session.save({"functions/a.py": answering("three")})
    assert await session.get("/a") == (200, "three", "")


async def test_file_that_never_worked_answers_503_and_tells_the_cause(session: Session) -> None:
    await session.save({"functions/c.py": f"{OPEN}VALUE = 1 / 0\n\nasync def get() -> str:\n    return ''\n"})

    status, problem, told = await session.get("/c")

    assert (status, problem["code"]) == (503, "function_unavailable")  # type: ignore[index] # JSON
    assert told.startswith("c.py:5: The import failed: ZeroDivisionError: division by zero.")


async def test_request_in_flight_finishes_on_the_old_version(session: Session) -> None:
    waiting = dedent("""
        import asyncio

        ARRIVED, GATE = asyncio.Event(), asyncio.Event()

        async def get() -> str:
            ARRIVED.set()
            await GATE.wait()
            return "old"

        async def post() -> None:
            await ARRIVED.wait()
            GATE.set()
    """)
    await session.save({"functions/slow.py": OPEN + waiting})
    old = asyncio.ensure_future(session.get("/slow"))
    table = session._caller.application.table
    loaded = table.files["slow.py"].loaded
    assert loaded
    await loaded.module.ARRIVED.wait()

    await session.save({"functions/slow.py": answering("new")})
    new = await session.get("/slow")
    loaded.module.GATE.set()

    assert new[1] == "new"
    assert (await old)[1] == "old"


async def test_untouched_file_keeps_its_state(session: Session) -> None:
    counting = "async def get() -> int:\n    CALLS.append(1)\n    return len(CALLS)\n"
    await session.save({"functions/count.py": f"{OPEN}CALLS: list[int] = []\n\n{counting}"})
    await session.get("/count")

    await session.save({"functions/a.py": answering("two")})

    assert (await session.get("/count"))[1] == 2


async def test_private_module_reloads_the_files_that_import_it(session: Session) -> None:
    user = f"from ._texts import TEXT\n{OPEN}async def get() -> str:\n    return TEXT\n"
    await session.save({"functions/_texts.py": "TEXT = 'one'\n", "functions/texts.py": user})
    assert (await session.get("/texts"))[1] == "one"

    await session.save({"functions/_texts.py": "TEXT = 'two'\n"})
    assert (await session.get("/texts"))[1] == "two"


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("functions/orders/_prices_of_orders.py", "from .orders._prices_of_orders import PRICE"),
        ("functions/orders/_prices_by_name.py", "from functions.orders._prices_by_name import PRICE"),
        ("shared/prices_in_shared.py", "from shared.prices_in_shared import PRICE"),
        ("desk_of_prices/prices.py", "from desk_of_prices.prices import PRICE"),
        ("desk_of_prices/deeper/prices.py", "from desk_of_prices.deeper import prices; PRICE = prices.PRICE"),
        ("prices_beside.py", "from prices_beside import PRICE"),
    ],
)
async def test_a_change_of_own_code_wherever_it_is_serves_the_files_that_import_it_anew(
    session: Session, monkeypatch: pytest.MonkeyPatch, module: str, imported: str
) -> None:
    monkeypatch.syspath_prepend(str(session.project))
    user = f"{imported}\n{OPEN}async def get() -> int:\n    return PRICE\n"
    write_tree(session.project, {module: "PRICE = 1\n"})  # in a folder that was not there at the start
    await session.save({"functions/priced.py": user})
    await session.comes_to_answer("/priced", 1)

    await session.save({module: "PRICE = 2\n"})
    await session.comes_to_answer("/priced", 2)

    await session.save({module: "PRICE = 3\n"})
    await session.comes_to_answer("/priced", 3)


async def test_folder_policy_takes_effect_when_saved(session: Session) -> None:
    await session.save({"functions/desk/x.py": "async def get() -> str:\n    return 'ok'\n"})

    policy = "from runtime import Folder\n\nconfig = Folder(timeout=3)\n"
    await session.save({"functions/desk/_config.py": policy})

    (endpoint,) = [each for each in session._caller.application.table.endpoints if each.file == "desk/x.py"]
    assert endpoint.policy.timeout == 3


async def test_a_changed_module_of_litestar_handlers_asks_for_a_restart(
    project: Path, compose: Compose
) -> None:
    write_tree(
        project,
        {"pyproject.toml": "[tool.annex]\nlitestar = ['shared.page:x']\n", "shared/page.py": "1 / 0\n"},
    )
    async with compose(functions=project / "functions") as caller:
        session = Session(project, caller)
        with Rehearsal(project / "functions", budget=1, stays=True) as rehearsal:
            swap = HotSwap(
                caller.application,
                rehearsal=rehearsal,
                project=project,
                restart=session.restart,
                after=session.after,
            )
            async with swap:
                await session.save({"shared/page.py": "from litestar import get\n"})

    assert session.restarts == 1


HARMFUL = {
    "holds the interpreter": ("import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')\n", "did not respond for 1 s"),
    "ends the process": ("import os\nos._exit(3)\n", "ended with status 3"),
    "crashes the process": ("import ctypes\nctypes.string_at(0)\n", "was ended by SIGSEGV"),
}


@pytest.mark.parametrize(("source", "told"), HARMFUL.values(), ids=HARMFUL.keys())
async def test_harmful_save_is_named_and_the_service_goes_on(
    session: Session, source: str, told: str
) -> None:
    await session.save({"functions/a.py": source + answering("two")})

    status, text, fault = await session.get("/a")
    assert (status, text) == (200, "one")
    assert fault.startswith("a.py:2: The process")
    assert told in fault
    assert (await session.get("/b"))[:2] == (200, "beside")


async def test_file_serves_again_when_the_harm_is_deleted(session: Session) -> None:
    await session.save({"functions/a.py": HARMFUL["ends the process"][0] + answering("two")})

    await session.save({"functions/a.py": answering("three")})

    assert await session.get("/a") == (200, "three", "")


async def test_harmful_file_is_not_tried_again_when_another_is_saved(session: Session) -> None:
    counted = f"open({str(session.project / 'runs')!r}, 'a').write('x')\nimport os\nos._exit(3)\n"
    await session.save({"functions/a.py": counted + answering("two")})
    runs = (session.project / "runs").read_text()

    await session.save({"functions/b.py": answering("besides")})

    assert (session.project / "runs").read_text() == runs
    assert (await session.get("/b"))[:2] == (200, "besides")
    assert (await session.get("/a"))[2].startswith("a.py:3: The process ended")


async def test_file_serves_again_when_what_it_imports_does_no_harm_any_more(session: Session) -> None:
    await session.save(
        {
            "functions/_part.py": "import os\nos._exit(3)\n",
            "functions/a.py": "from ._part import text\n" + answering("two"),
        }
    )

    await session.save({"functions/_part.py": "text = 'part'\n"})

    assert await session.get("/a") == (200, "two", "")

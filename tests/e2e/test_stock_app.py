"""The client in an app as create-next-app writes it: it builds with no backend, and streams pass through it.

What most readers of docs/nextjs.md have; tests/fixtures/stock_app says how the app is made without internet.
"""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures import nextjs, stock_app
from tests.fixtures.clerk import Issuer
from tests.fixtures.nextjs_page import copying, variables, words
from tests.fixtures.node import CHECKS, run
from tests.fixtures.routing import write_tree
from tests.fixtures.service import PATIENCE, Service, annex, free_port, until
from tests.fixtures.team import ANNEX, DRIZZLE, PRISMA, answers

pytestmark = pytest.mark.timeout(1800)  # an app is installed and built

RECORD = '''"""A new reading, as the form of the docs sends it."""

from shared.readings import NewSignal, Signal

from runtime import Function

config = Function(public=True)


async def post(data: NewSignal) -> Signal:
    """Record one reading."""
    return Signal("3", data.symbol, str(data.value), data.regime)
'''
ONE = '''"""The newest reading of one signal, as the page calls it."""

from shared.readings import Signal

from runtime import NotFound, User


async def get(symbol: str, user: User) -> Signal:
    """Return the newest reading of `symbol`."""
    raise NotFound("signal", symbol)
'''
READINGS = '''"""What the functions take and answer with."""

from decimal import Decimal
from typing import Annotated

import msgspec


class NewSignal(msgspec.Struct, frozen=True, rename="camel"):
    """A reading as it is taken."""

    symbol: str
    regime: str
    value: Decimal
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    observed_at: Annotated[str, msgspec.Meta(min_length=1)]


class Signal(msgspec.Struct, frozen=True):
    """One reading of one signal."""

    id: str
    symbol: str
    value: str
    regime: str
'''
GATED = '''"""A stream whose second event waits until somebody opens the gate."""

import asyncio
from collections.abc import AsyncIterator

from shared.readings import Signal

from runtime import Event, Function

config = Function(public=True)
gate = asyncio.Event()


class Reading(Event, tag="reading", frozen=True):
    """One reading."""

    signal: Signal


async def get(symbol: str) -> AsyncIterator[Reading]:
    """Stream a reading, and another one when the gate is open."""
    yield Reading(Signal("1", symbol, "1.5", "NEUTRAL"))
    await gate.wait()
    gate.clear()
    yield Reading(Signal("2", symbol, "2.5", "NEUTRAL"))


async def post(symbol: str) -> None:
    """Open the gate."""
    gate.set()
'''
CARD = '''"""What this service is, for everybody."""

from msgspec import Struct

from runtime import Function

config = Function(public=True)


class Card(Struct):
    """The service's card."""

    name: str


async def get() -> Card:
    """Return the service's name."""
    return Card("sample")
'''
WHEEL = "annex_functions-0.1.0-py3-none-any.whl"
FUNCTIONS = {  # beside hello.py, which `annex init` writes
    "index.py": CARD,
    "signals/index.py": RECORD,
    "signals/[symbol]/index.py": ONE,
    "signals/[symbol]/live.py": GATED,
}
LIVE = "/signals/SPY/live"


class App(NamedTuple):
    """An app that was built, and what belongs to it.

    Attributes:
        folder: where.
        backend: the folder of the service that `annex init` wrote beside it, with the functions of the page.
        backend_port: of the service that it calls.
        issuer: of its sign-in.
        environment: what it is run with.
        told: what `annex init` said beside it.
        touched: the files of the app that `annex init` wrote, changed or deleted.
    """

    folder: Path
    backend: Path
    backend_port: int
    issuer: Issuer
    environment: dict[str, str]
    told: str
    touched: set[str]


def contents(folder: Path) -> set[tuple[str, bytes]]:
    """Return the files of an app with their contents; what npm installed is left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    return {(str(path.relative_to(folder)), path.read_bytes()) for path in files}


@pytest.fixture(scope="module")
def make(node: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], App]:
    """Writes an app, adds the docs' page and the client, and nothing runs that could answer a call."""

    def made(cache_components: bool) -> App:
        folder = tmp_path_factory.mktemp("stock") / "app"
        backend = folder.with_name("backend")
        stock_app.write(folder, cache_components=cache_components)
        schema = PRISMA if cache_components else DRIZZLE
        write_tree(folder, {name.removeprefix("web/"): text for name, text in schema.items()})
        write_tree(folder.parent, {WHEEL: "its hash is what counts here"})
        before = contents(folder)
        init = run(ANNEX, "init", "backend", "--from", WHEEL, cwd=folder.parent)
        assert init.returncode == 0, init.stdout + init.stderr
        touched = {name for name, _ in before ^ contents(folder)}
        stock_app.add_the_page(folder)
        write_tree(backend / "functions", FUNCTIONS)
        write_tree(backend / "shared", {"readings.py": READINGS})
        copied = run(*copying(folder), cwd=backend)
        assert copied.returncode == 0, copied.stdout + copied.stderr
        issuer, port = Issuer(), free_port()
        return App(
            folder,
            backend,
            port,
            issuer,
            {
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
                "NEXT_PUBLIC_BACKEND_API_URL": "/backend",
                "BACKEND_API_URL": f"http://127.0.0.1:{port}",
                "CLERK_SECRET_KEY": "sk_live_x",
                "CLERK_JWT_KEY": issuer.pem,
                **stock_app.FONTS,
            },
            init.stdout,
            touched,
        )

    return made


@pytest.fixture(scope="module")
def app(make: Callable[[bool], App]) -> App:
    """The app with Cache Components, as create-next-app writes it, built with every kind of call."""
    app = make(True)
    stock_app.add_every_call(app.folder)
    nextjs.build(app.folder, app.environment)
    return app


def test_an_app_as_create_next_app_writes_it_builds_with_every_kind_of_call(app: App):
    assert "cacheComponents: true" in (app.folder / "next.config.ts").read_text()
    assert (app.folder / ".next" / "BUILD_ID").exists()


def test_init_beside_it_finds_what_it_has_and_changes_nothing_of_it(app: App):
    assert app.touched == set()
    assert "a Next.js app in app, with npm" in app.told
    assert "Prisma's SQL in app/prisma/migrations" in app.told
    assert 'await backend.get("/hello", { query: { name: "Ada" } })' in app.told


def test_the_page_of_the_docs_names_the_variables_of_the_app_and_no_others(app: App):
    assert variables() == app.environment.keys() - {"CLERK_JWT_KEY", *stock_app.FONTS}


def test_an_app_without_cache_components_builds_too(make: Callable[[bool], App]):
    app = make(False)
    assert (app.touched, "Drizzle's SQL in app/drizzle" in app.told) == (set(), True)
    assert "cacheComponents" not in (app.folder / "next.config.ts").read_text()
    stock_app.add_every_call(app.folder)
    stock_app.leave_caching_out(app.folder)
    nextjs.build(app.folder, app.environment)


@pytest.fixture(scope="module")
def service(app: App) -> Iterator[Service]:
    settings = {"ANNEX_ENV": "test", "PORT": str(app.backend_port), "CLERK_JWT_KEY": app.issuer.pem}
    with annex("serve", app.folder.parent, settings, cwd=app.backend) as running:
        yield running


@pytest.fixture(scope="module")
def origin(app: App, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("stock-log") / "next.log"
    with nextjs.running(app.folder, free_port(), app.environment, log) as origin:
        yield origin


def greeting(app: App, origin: str) -> str:
    """Return what the page of the first typed call says to who is signed in; `next dev` first compiles it."""
    cookies = {one["name"]: one["value"] for one in nextjs.ClerkFrontend(app.issuer, origin).cookies()}
    return httpx.get(f"{origin}/hello", cookies=cookies, timeout=3 * PATIENCE).text


def test_the_first_typed_call_greets_from_the_service_that_init_wrote(
    app: App, origin: str, service: Service
):
    assert "Hello, Ada!" in greeting(app, origin)


def open_the_gate(service: Service) -> None:
    assert httpx.post(service.url + LIVE, timeout=PATIENCE).status_code == 204


def test_events_pass_the_rewrite_one_by_one_although_compression_is_asked_for(origin: str, service: Service):
    headers = {"Accept-Encoding": "gzip"}
    with httpx.stream("GET", f"{origin}/backend{LIVE}", headers=headers, timeout=PATIENCE) as answer:
        seen = []
        for line in answer.iter_lines():
            if line.startswith("event:"):
                seen.append(line)
                if len(seen) == 1:
                    open_the_gate(service)  # the second event exists only once the first was read
    assert seen == ["event: reading", "event: reading", "event: done"]


def test_events_reach_a_browser_one_by_one_through_the_rewrite(
    origin: str, service: Service, chromium: Browser
):
    page = chromium.new_page()
    page.route(nextjs.CLERK_PATTERN, lambda route: route.abort())
    page.goto(f"{origin}/follow")
    expect(page.locator("#followed")).to_have_text("reading")
    open_the_gate(service)
    expect(page.locator("#followed")).to_have_text("reading reading done")
    page.close()


def test_the_first_page_says_to_a_visitor_without_a_session_that_one_is_needed(
    origin: str, service: Service, chromium: Browser
):
    page = chromium.new_page()
    page.route(nextjs.CLERK_PATTERN, lambda route: route.abort())
    page.goto(origin)
    expect(page.locator("p.error").first).to_have_text("A valid session token is required.")
    page.close()


def test_a_form_without_code_of_its_own_shows_each_refused_field_and_then_the_answer(
    origin: str, service: Service, chromium: Browser
):
    page = chromium.new_page()
    page.route(nextjs.CLERK_PATTERN, lambda route: route.abort())
    page.goto(f"{origin}/form")
    page.get_by_label("Value").fill("much")
    page.get_by_label("Confidence").fill("7")
    page.get_by_role("button").click()
    expect(page.locator("label .error")).to_have_text([re.compile("decimal"), re.compile("<= 1.0")])
    expect(page.get_by_label("Value")).to_have_value("much")
    page.get_by_label("Value").fill("1.5")
    page.get_by_label("Confidence").fill("0.5")
    page.get_by_role("button").click()
    expect(page.locator("#recorded")).to_have_text("Recorded 3")
    page.close()


@pytest.mark.parametrize("version", ["5.9", "7"])
def test_the_whole_client_type_checks_in_the_app_with_every_check_on(
    node: str, compilers: Path, app: App, version: str
):
    name = {"5.9": "typescript", "7": "typescript7"}[version]
    compiler = compilers / "node_modules" / name / "bin" / "tsc"
    checked = run(node, compiler, *(f"--{flag}" for flag in CHECKS), "--incremental", "false", cwd=app.folder)
    ours = [line for line in checked.stdout.splitlines() if line.startswith("annex/")]
    assert (ours, "TS5023" in checked.stdout) == ([], False)


def test_one_command_runs_the_service_and_the_app_and_ctrl_c_ends_both(app: App, tmp_path: Path):
    command, port = words(".venv/bin/annex dev"), free_port()
    settings = {
        **{name: value for name, value in app.environment.items() if "BACKEND_API_URL" not in name},
        "PORT": str(free_port()),
    }
    command[-1] += f" -- --port {port}"
    log = tmp_path / "both.log"
    with log.open("wb") as out:
        both = subprocess.Popen(
            [ANNEX, "dev", *command], cwd=app.backend, env={**os.environ, **settings}, stdout=out, stderr=out
        )
    try:
        until(lambda: answers(int(settings["PORT"])) and is_open(port), seconds=2 * PATIENCE)
        assert "Hello, Ada!" in greeting(app, f"http://localhost:{port}"), log.read_text()
        both.send_signal(signal.SIGINT)
        assert both.wait(PATIENCE) == 0
        assert not is_open(port)
    finally:
        both.kill()
        both.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""The Next.js side, with the real thing: Next.js 16 and Clerk in a browser beside `annex serve`."""

import asyncio
import contextlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import asyncpg
import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from runtime.dev.postgres import EmbeddedPostgres
from runtime.dev.postgres.seed import ROLE
from runtime.testing.model import ModelServer, calls, says
from tests.fixtures import nextjs
from tests.fixtures.app import permitted
from tests.fixtures.clerk import Issuer
from tests.fixtures.nextjs_page import copying
from tests.fixtures.node import install, run
from tests.fixtures.service import PATIENCE, ROOT, Service, annex, free_port
from tests.fixtures.valkey import serving_redis

pytestmark = pytest.mark.timeout(600)

SHOTS = ROOT / ".annex" / "screenshots"
"""Where the last run's screenshots are; look at them."""

DATABASE = "nextjs"
HELD = """
    INSERT INTO "Signal" ("id", "instrumentId", "regime", "value", "confidence", "factors", "observedAt")
    SELECT gen_random_uuid(), "id", 'NEUTRAL', 1, 1, '{}', $1 FROM "Instrument" WHERE "symbol" = 'SPY'
"""
DISCUSSION = (calls("latest", symbol="SPY"), says("SPY leads."), says("AGREED"))


class World(NamedTuple):
    """Everything that runs: the app's origin, the service, Clerk's stand-ins for two users, the model."""

    origin: str
    service: Service
    clerk: nextjs.ClerkFrontend
    bob: nextjs.ClerkFrontend
    model: ModelServer


@pytest.fixture(scope="module")
def database_url(postgres: EmbeddedPostgres, database_template: str) -> Iterator[str]:
    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(postgres.socket_url())
        await connection.execute(statement)
        await connection.close()

    def as_owner(statement: str) -> None:
        with ThreadPoolExecutor(1) as aside:  # the browser's driver keeps a loop in this thread
            aside.submit(lambda: asyncio.run(execute(statement))).result()

    as_owner(f"CREATE DATABASE {DATABASE} TEMPLATE {database_template} STRATEGY file_copy")
    yield postgres.socket_url(DATABASE, ROLE)
    as_owner(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="module")
def world(
    node: str, chromium: Browser, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    issuer = Issuer()
    port, logs = free_port(), tmp_path_factory.mktemp("nextjs")
    origin = f"http://localhost:{port}"
    clerk, bob = nextjs.ClerkFrontend(issuer, origin), nextjs.ClerkFrontend(issuer, origin, "user_bob")
    settings = {
        "ANNEX_ENV": "test",
        "LOG_FORMAT": "json",
        "CLERK_JWT_KEY": issuer.pem,
        "CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
        "CLERK_AUTHORIZED_PARTIES": origin,
        "CORS_ORIGINS": origin,
        "DATABASE_URL": database_url,
        "ANNEX_JOB_BACKOFF": "0.2",
        "OPENAI_API_KEY": "sk-canary-key",
    }
    install(nextjs.EXAMPLE)
    copied = run(*copying(nextjs.EXAMPLE), cwd=ROOT)
    assert copied.returncode == 0, copied.stdout + copied.stderr
    with (
        ModelServer() as model,
        serving_redis(tmp_path_factory.mktemp("redis")) as redis,
        annex("serve", logs, settings | {"REDIS_URL": redis.url, "OPENAI_BASE_URL": model.url}) as service,
    ):
        app = {
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
            "NEXT_PUBLIC_BACKEND_API_URL": f"http://localhost:{service.port}",
            "NEXT_PUBLIC_CLERK_PREFETCH_UI": "false",  # the app shows none of Clerk's components
            "BACKEND_API_URL": service.url,
            "CLERK_SECRET_KEY": "sk_live_x",
            "CLERK_JWT_KEY": issuer.pem,
        }
        nextjs.build(nextjs.EXAMPLE, app)
        with nextjs.running(nextjs.EXAMPLE, port, app, logs / "next.log"):
            yield World(origin, service, clerk, bob, model)


@contextlib.contextmanager
def signed_in(chromium: Browser, world: World, clerk: nextjs.ClerkFrontend) -> Iterator[Page]:
    """Open a blank page of a browser in which one user is signed in."""
    clerk.claims = permitted("org:signals:write")
    context = chromium.new_context(viewport={"width": 1100, "height": 800})
    context.add_cookies(clerk.cookies())  # type: ignore[arg-type]  # plain dictionaries are what it takes
    context.route(nextjs.CLERK_PATTERN, clerk.answer)
    opened = context.new_page()
    opened.on("console", _show)
    yield opened
    context.close()


@pytest.fixture
def page(world: World, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A signed-in browser on a blank page; every test leaves a screenshot."""
    world.model.script(*DISCUSSION)
    with signed_in(chromium, world, world.clerk) as opened:
        yield opened
        SHOTS.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=SHOTS / f"{request.node.name}.png", full_page=True)


def _show(message: ConsoleMessage) -> None:
    sys.stdout.write(f"console: {message.text}\n")  # pytest shows it when the test fails


def test_a_server_component_calls_a_function_as_the_signed_in_user(world: World, page: Page):
    page.goto(world.origin)
    panel = page.locator("#server")
    expect(panel).to_contain_text(re.compile(r"SPY: (RISK_ON|RISK_OFF|NEUTRAL) at \d+\.\d+"))
    expect(panel.locator(".error")).to_contain_text('not_found: Signal "NOPE" was not found.')


def test_a_client_component_calls_a_function_from_the_browser_across_origins(world: World, page: Page):
    page.goto(world.origin)
    expect(page.locator("#me")).to_contain_text("user_ada in org_1")
    expect(page.locator("#me .error")).to_have_text("403 forbidden")


def test_a_route_handler_calls_a_function(world: World, page: Page):
    page.goto(world.origin)
    expect(page.locator("#routed")).to_contain_text('"symbol":"HYG-LQD"')


def test_a_server_action_shows_every_refused_field_and_then_records(world: World, page: Page):
    page.goto(world.origin)
    form = page.locator("#record")
    form.get_by_label("Confidence").fill("7")
    form.get_by_role("button").click()
    expect(form.locator("label .error", has_text="Expected `float` <= 1.0")).to_be_visible()
    expect(form.get_by_label("Confidence")).to_have_value("7")
    form.get_by_label("Confidence").fill("0.8")
    form.get_by_role("button").click()
    expect(page.locator("#recorded")).to_contain_text("Recorded")


def test_a_stream_renders_each_reading_as_it_is_recorded(world: World, page: Page):
    page.goto(world.origin)
    readings = page.locator("#live li")
    expect(readings).to_have_count(1)
    for value, count in (("111.5", 2), ("222.25", 3)):
        page.locator("#record").get_by_label("Value").fill(value)
        page.locator("#record").get_by_role("button").click()
        expect(readings).to_have_count(count)
        expect(readings.last).to_contain_text(f"RISK_ON at {value}")


def test_a_team_of_agents_streams_its_messages_to_the_browser(world: World, page: Page):
    page.goto(world.origin)
    page.get_by_role("button", name="Ask the team").click()
    expect(page.locator("#team li").last).to_have_text("done: completed")
    expect(page.locator("#team")).to_contain_text("analyst looks up latest")


def send(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_a_person_chats_with_the_team_is_asked_reloads_in_the_middle_and_stops_it(
    world: World, page: Page, chromium: Browser
):
    page.goto(f"{world.origin}/chat")
    status, said = page.locator("#chat output"), page.locator("#chat .assistant .text")
    world.model.script(calls("latest", symbol="SPY"), calls("ask_user", question="Which horizon?"))
    send(page, "Is the market seeking risk?")
    expect(page.locator("#chat .question")).to_have_text("Which horizon?")
    expect(page.locator("#chat .tool").first).to_have_text("latest done")
    expect(status).to_have_text("ready")

    world.model.script(says("Over a quarter it is.", hold_after=3), says("AGREED"))
    send(page, "A quarter.")
    expect(said.last).to_contain_text("Over a quarter")
    with signed_in(chromium, world, world.bob) as other:
        other.goto(f"{world.origin}/chat")
        expect(other.get_by_label("Message")).to_be_visible()
        kept = page.evaluate("sessionStorage.getItem('chat of user_ada')")
        other.evaluate("kept => sessionStorage.setItem('chat of user_bob', kept)", kept)
        with other.expect_response(re.compile("/agents/runs/.*ui-messages")) as refused:
            other.reload()
        assert refused.value.status == 404
        expect(other.locator("#chat .assistant .text")).to_have_count(0)
    page.reload()
    expect(said.last).to_contain_text("Over a quarter")
    world.model.released.set()
    expect(said.last).to_contain_text("AGREED")
    expect(status).to_have_text("ready")
    page.reload()  # what is kept is whole
    expect(said).to_have_count(2)

    world.model.released.clear()
    world.model.left.clear()
    world.model.script(says("Never to be heard.", hold_after=1))
    send(page, "And tomorrow?")
    expect(said.last).to_contain_text("Never")
    page.get_by_role("button", name="Stop").click()
    expect(status).to_have_text("ready")
    assert world.model.left.wait(PATIENCE)
    shoot_on_a_phone(page, "chat")


def shoot_on_a_phone(page: Page, name: str) -> None:
    """Keep a picture of a page on a phone, which it must fit."""
    page.set_viewport_size({"width": 360, "height": 740})
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}-phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.set_viewport_size({"width": 1100, "height": 800})


def import_of(page: Page, *readings: str) -> None:
    page.locator("#import textarea").fill("\n".join(readings))
    page.get_by_role("button", name="Import").click()


def test_an_import_shows_its_progress_its_result_and_its_error_and_is_cancelled(
    world: World, page: Page, database_url: str
):
    days = [f"SPY, RISK_ON, 1.{day}, 0.9, 2031-03-{day}T15:30:00Z" for day in (10, 11, 12, 13)]
    run = page.locator("#run")
    page.goto(f"{world.origin}/imports")
    import_of(page, days[0].replace("0.9", "7"))
    expect(page.locator("#import .error")).to_contain_text("readings.0.confidence")

    with holding(database_url, "2031-03-12T15:30:00Z"):
        import_of(page, *days)
        expect(run.locator("output")).to_have_text("running, 50 %")
        page.reload()
        expect(run.locator("output")).to_have_text("running, 50 %")
        shoot_on_a_phone(page, "imports")
        page.get_by_role("button", name="Cancel").click()
        expect(run.locator("output")).to_have_text("cancelled, 50 %")

    import_of(page, *days)
    expect(run).to_contain_text("2 recorded, 2 known before.")
    expect(run.locator("output")).to_have_text("done, 100 %")

    import_of(page, days[0].replace("SPY", "NOPE"))
    expect(run.locator(".error").first).to_have_text('Instrument "NOPE" was not found.')
    expect(run.locator("output")).to_have_text("failed, 0 %")


@contextlib.contextmanager
def holding(database_url: str, moment: str) -> Iterator[None]:
    """Record a reading of SPY in a transaction that is rolled back in the end: who records the same waits."""

    async def hold() -> None:
        connection = await asyncpg.connect(database_url)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(HELD, datetime.fromisoformat(moment))
        held.set()
        await asyncio.to_thread(released.wait)
        await transaction.rollback()
        await connection.close()

    held, released = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(lambda: asyncio.run(hold()))
        try:
            assert held.wait(PATIENCE)
            yield
        finally:
            released.set()
            work.result()


def test_the_trace_of_a_page_joins_the_functions_that_it_calls(world: World):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in world.clerk.cookies())
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "Cookie": cookies}
    assert httpx.get(world.origin, headers=headers, timeout=30).status_code == 200
    lines = [json.loads(line) for line in world.service.log.splitlines() if trace in line]
    assert any(line.get("trace_id") == trace for line in lines)


def test_a_visitor_without_a_session_is_told_so_in_every_part_that_needs_one(world: World, chromium: Browser):
    page = chromium.new_page()
    page.route(nextjs.CLERK_PATTERN, lambda route: route.abort())
    page.goto(world.origin)
    expect(page.locator("#server .error").first).to_have_text("A valid session token is required.")
    expect(page.locator("#cached")).to_contain_text("annex")
    page.close()


def test_the_page_fits_a_phone(world: World, page: Page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(world.origin)
    page.get_by_role("button", name="Ask the team").click()
    expect(page.locator("#team li").last).to_have_text("done: completed")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_no_token_is_in_any_log(world: World, page: Page):
    page.goto(world.origin)
    expect(page.locator("#me")).to_contain_text("user_ada")
    assert not [token for token in world.clerk.minted if token in world.service.log]


def test_the_app_with_the_client_inside_type_checks_under_typescript_7(
    node: str, compilers: Path, world: World
):
    compiler = compilers / "node_modules" / "typescript7" / "bin" / "tsc"
    checked = run(node, compiler, "--project", "tsconfig.json", "--incremental", "false", cwd=nextjs.EXAMPLE)
    assert checked.returncode == 0, checked.stdout

"""`useChat` of `@ai-sdk/react`, unmodified, in Chromium, against a real `annex serve`."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.agents import ModelServer, Reply, calls, says
from tests.fixtures.clerk import Issuer
from tests.fixtures.desk import desk_service
from tests.fixtures.node import ROOT, install, run
from tests.fixtures.service import Service
from tests.fixtures.valkey import RedisServer

pytestmark = pytest.mark.timeout(600)

CLIENTS = ROOT / "tests" / "fixtures" / "chat_clients"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the page."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def origin(node: str, tmp_path: Path) -> Iterator[str]:
    """Where the page is served, bundled."""
    install(CLIENTS)
    site = tmp_path / "site"
    bundler = CLIENTS / "node_modules" / "esbuild" / "bin" / "esbuild"
    options = ("--bundle", "--jsx=automatic", f"--outfile={site / 'page.js'}", "--log-level=error")
    made = run(bundler, CLIENTS / "page.jsx", *options, cwd=CLIENTS)
    assert made.returncode == 0, made.stderr
    (site / "index.html").write_text('<!doctype html><div id="chat"></div><script src="page.js"></script>')
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(
    origin: str, tmp_path: Path, issuer: Issuer, model_server: ModelServer, redis_server: RedisServer
) -> Iterator[Service]:
    with desk_service(tmp_path, issuer, model_server, redis_server, CORS_ORIGINS=origin) as service:
        yield service


def opened(chromium: Browser, origin: str, desk: Service, token: str) -> Page:
    """Open the chat as one user."""
    page = chromium.new_context().new_page()
    api, runs = f"{desk.url}/desk?detach=true", f"{desk.url}/desk/runs"
    page.goto(f"{origin}/?{urlencode({'api': api, 'runs': runs, 'token': token})}")
    return page


def send(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_a_person_chats_approves_reloads_in_the_middle_and_stops(
    chromium: Browser, origin: str, desk: Service, issuer: Issuer, model_server: ModelServer
):
    page = opened(chromium, origin, desk, issuer.token(sub="user_ada"))
    status = page.locator("output")
    answers = page.locator(".assistant .text")

    model_server.script(
        Reply(reasoning=("A sale.",), calls=(("sell", {"shares": 5}),)),
        calls("sell", shares=5),
        says("Sold five."),
    )
    send(page, "Sell 5.")
    expect(page.locator(".reasoning")).to_have_text("A sale.")
    page.get_by_role("button", name="Approve").click()
    expect(answers).to_have_text("Sold five.")
    expect(page.locator(".tool").last).to_contain_text("output-available sold 5")
    expect(status).to_have_text("ready")

    model_server.script(calls("ask_user", question="How many?"))
    send(page, "Sell more.")
    expect(page.locator(".question")).to_have_text("How many?")
    model_server.script(says("Six it is, then.", hold_after=2))
    send(page, "Six.")
    expect(answers.last).to_have_text("Six it")
    page.reload()
    expect(answers.last).to_have_text("Six it")
    model_server.released.set()
    expect(answers.last).to_have_text("Six it is, then.")
    expect(status).to_have_text("ready")

    model_server.released.clear()
    model_server.left.clear()
    model_server.script(says("Never to be heard.", hold_after=1))
    send(page, "Go on.")
    expect(answers.last).to_have_text("Never")
    other = opened(chromium, origin, desk, issuer.token(sub="user_bob"))
    kept = page.evaluate("sessionStorage.getItem('chat')")
    other.evaluate("chat => sessionStorage.setItem('chat', chat)", kept)
    with other.expect_response(lambda each: each.url.endswith("/stream")) as answer:
        other.reload()
    assert answer.value.status == 204
    page.get_by_role("button", name="Stop").click()
    assert model_server.left.wait(30)
    expect(status).to_have_text("ready")
    page.reload()
    expect(page.get_by_label("Message")).to_be_visible()
    expect(status).to_have_text("ready")

    model_server.script(Reply(status=500))
    send(page, "Fail.")
    expect(status).to_contain_text("The model provider does not respond; try again.")
    assert len(page.locator(".user").all()) == 5

"""`/_annex` and `/docs` in a real browser: what a developer sees of the service."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.fixtures.service import SAMPLE, Service, annex

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
BROKEN = "import a_module_that_is_not_there\n\n\nasync def get() -> str:\n    return ''\n"
FAILING = """from runtime import Function

config = Function(public=True)


async def get() -> str:
    raise ValueError("no reading of NORTH")
"""


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    functions = tmp_path / "functions"
    shutil.copytree(SAMPLE / "functions", functions)
    (functions / "broken.py").write_text(BROKEN)
    (functions / "failing.py").write_text(FAILING)
    told = {"ANNEX_ENV": "development", "ANNEX_FUNCTIONS": str(functions), "DATABASE_URL": database_url}
    with annex("dev --traces", tmp_path, told, cwd=tmp_path) as running:
        yield running


@pytest.fixture
async def page(service: Service) -> AsyncIterator[Page]:
    if CHROMIUM is None:
        pytest.skip("the developer's page was not seen by a browser: no chromium on PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        opened = await browser.new_page()
        complaints: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        await opened.goto(f"http://localhost:{service.port}/_annex")
        yield opened
        await browser.close()
        assert complaints == []


async def test_developer_calls_a_function_and_follows_it_to_the_sql(page: Page, service: Service):
    await page.get_by_role("tab", name="Functions").click()
    await page.get_by_role("button", name="GET /samples/{symbol} samples/[symbol].py").click()
    await page.get_by_label("symbol").fill("NORTH")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".answer")).to_contain_text('"symbol": "NORTH"')

    await page.get_by_role("button", name="Open its trace").click()
    server = page.get_by_role("button", name="GET /samples/{symbol}").and_(page.locator(".span"))
    await expect(page.locator(".span", has_text="SELECT Sample")).to_be_visible()
    await server.click()

    facts = page.locator("dl:visible")
    await expect(facts).to_contain_text("samples/[symbol].py")
    await expect(facts).to_contain_text("session")
    await expect(page.locator("#requests .line", has_text="GET /samples/{symbol} 200")).to_be_visible()
    waterfall = [line for line in service.log.splitlines() if "\u2501" in line]
    assert waterfall[0].split()[:2] == ["GET", "/samples/{symbol}"]
    assert any(line.startswith("    SELECT Sample") for line in waterfall)


async def test_failure_shows_its_exception_and_its_traceback(page: Page, service: Service):
    async with httpx.AsyncClient(base_url=service.url) as http:
        assert (await http.get("/failing")).status_code == 500

    await page.locator("#requests .row", has_text="/failing").click()
    await page.locator(".span").first.click()

    await expect(page.locator("dl:visible")).to_contain_text("exception.type: ValueError")
    await expect(page.locator("#requests .line pre")).to_contain_text("ValueError: no reading of NORTH")


async def test_broken_file_is_listed_with_its_cause(page: Page):
    await page.get_by_role("tab", name="Functions").click()
    await page.get_by_role("button", name="GET /broken").click()

    await expect(page.locator(".fault")).to_contain_text("a_module_that_is_not_there")


async def test_what_a_caller_sends_is_shown_as_text(page: Page, service: Service):
    hostile = "/<img src=x onerror=document.title='taken'>"
    async with httpx.AsyncClient(base_url=service.url) as http:
        await http.get(hostile)

    await expect(page.locator("#requests .row .route", has_text=hostile)).to_be_visible()
    assert await page.title() == "Annex · development"


async def test_log_is_live_and_can_be_searched(page: Page, service: Service):
    await page.get_by_role("tab", name="Logs").click()
    await page.get_by_label("Filter the log").fill("/me")
    await expect(page.get_by_text("No line matches")).to_be_visible()

    async with httpx.AsyncClient(base_url=service.url) as http:
        await http.get("/me")

    await expect(page.locator("#logs .line", has_text="GET /me 401")).to_be_visible()


async def test_page_says_when_the_service_is_gone(page: Page, service: Service):
    await expect(page.get_by_role("status")).to_have_text("live")

    service.stop()

    await expect(page.get_by_role("status")).to_have_text("the service is not answering")


async def test_page_follows_the_colours_of_the_system(page: Page):
    ground = "parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"

    await page.emulate_media(color_scheme="light")
    light = await page.evaluate(ground)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(ground)

    assert (dark < 64, light > 192) == (True, True)


async def test_a_call_is_made_from_the_reference_page_by_who_signed_in_there(page: Page, service: Service):
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    await page.goto(f"{service.url}/docs")
    sample = page.locator(".opblock", has_text="/samples/{symbol}").and_(page.locator(".opblock-get"))

    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#sign-in output")).to_have_text("Signed in as user_1.")
    await sample.locator(".opblock-summary-control").click()
    await sample.get_by_placeholder("symbol").fill("NORTH")
    await sample.get_by_role("button", name="Execute").click()

    await expect(sample.locator(".live-responses-table")).to_contain_text('"symbol": "NORTH"')
    assert {httpx.URL(url).host for url in asked if not url.startswith("data:")} == {"127.0.0.1"}
    assert complaints == []

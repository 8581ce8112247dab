"""The optional files of the client with the libraries that they are for: TanStack Query, SWR, React, MSW."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.fixtures.node import ROOT, run, run_tests

pytestmark = pytest.mark.timeout(600)

FOLDER = ROOT / "client" / "tests" / "libraries"


@pytest.mark.parametrize("version", ["typescript", "typescript7"])
def test_the_optional_files_type_check_with_the_libraries(node: str, compilers: Path, version: str):
    compiler = compilers / "node_modules" / version / "bin" / "tsc"
    checked = run(node, compiler, "--project", FOLDER, "--noEmit", cwd=compilers)
    assert checked.returncode == 0, checked.stdout


def test_queries_mutations_pages_forms_and_mocks_work_with_the_real_libraries(
    node: str, compilers: Path, tmp_path: Path
):
    compiler = compilers / "node_modules" / "typescript" / "bin" / "tsc"
    compiled = run(node, compiler, "--project", FOLDER, "--outDir", tmp_path, cwd=compilers)
    assert compiled.returncode == 0, compiled.stdout
    (tmp_path / "node_modules").symlink_to(compilers / "node_modules")
    report = run_tests(node, tmp_path / "tests" / "libraries")
    failed = re.findall(r"^\s*not ok \d+ - (.*)$", report.stdout, flags=re.MULTILINE)
    assert (report.returncode, failed) == (0, []), report.stdout
    assert int(re.findall(r"^# pass (\d+)$", report.stdout, flags=re.MULTILINE)[0]) > 9


def answer(route: Route) -> None:
    """Answer as the backend of the page does."""
    request = route.request
    if "/history" in request.url:
        is_last = "cursor=b" in request.url
        value, cursor = ("2", None) if is_last else ("1", "b")
        route.fulfill(json={"items": [{"symbol": "SPY", "value": value}], "nextCursor": cursor})
    elif request.method == "POST" and (request.post_data_json or {})["value"] == "x":
        errors = [{"location": "body", "field": "value", "message": "Expected a decimal"}]
        problem = {"code": "invalid_input", "detail": "The request is invalid.", "errors": errors}
        route.fulfill(status=400, body=json.dumps(problem), content_type="application/problem+json")
    elif request.method == "POST":
        route.fulfill(json=request.post_data_json)
    else:
        route.fulfill(json={"symbol": "SPY", "value": "3"})


def test_react_components_use_them_in_a_browser(
    node: str, compilers: Path, chromium: Browser, tmp_path: Path
):
    bundle = tmp_path / "page.js"
    esbuild = compilers / "node_modules" / ".bin" / "esbuild"
    options = ("--bundle", "--jsx=automatic", '--define:process.env.NODE_ENV="production"')
    bundled = run(esbuild, FOLDER / "page.tsx", *options, f"--outfile={bundle}", cwd=compilers)
    assert bundled.returncode == 0, bundled.stderr
    page = chromium.new_page()
    page.route("http://app.test/backend/**", answer)
    page.route(
        "http://app.test/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html")
    )
    page.goto("http://app.test/")
    page.add_script_tag(path=bundle)

    for library in ("#tanstack", "#swr"):
        shown = page.locator(f"{library} p")
        expect(shown).to_have_text(["3", "1", ""])
        page.locator(f"{library} button", has_text="more").click()
        page.locator(f"{library} button", has_text="record").click()
        expect(shown).to_have_text(["3", "1 2", "7"])

    page.locator("#form input").fill("x")
    page.locator("#form button").click()
    expect(page.locator("#form p")).to_have_text("Expected a decimal")
    page.locator("#form input").fill("1.5")
    page.locator("#form button").click()
    expect(page.locator("#form p")).to_have_text("recorded 1.5")
    page.close()

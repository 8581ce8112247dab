"""What a real cache and a real browser keep: an answer for one caller never reaches another."""

import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.fixtures.clerk import Issuer
from tests.fixtures.nginx import Cache
from tests.fixtures.routing import write_tree
from tests.fixtures.service import Service, annex

MAY_SEE = """
from runtime import Function, Request, User
from litestar import Response

config = Function({config})


async def get({takes}) -> {returns}:
    {does}
"""
WHO = 'return user.user_id if user else "nobody"'
FUNCTIONS = {
    "mine.py": ("public=True, cache=60", "user: User | None", "str", WHO),
    "closed.py": ("cache=60", "user: User", "str", WHO),
    "raw.py": (
        "public=True, cache=60", "request: Request", "str",
        'return request.headers.get("authorization", "nobody")',
    ),
    "written.py": (
        "public=True, cache=60", "user: User | None", "Response[str]",
        'return Response(user.user_id if user else "nobody",'
        ' headers={"Cache-Control": "public, s-maxage=60", "Vary": "Accept-Language"})',
    ),
    "refused.py": (
        "public=True, cache=60", "user: User | None", "str",
        'from runtime import NotFound; raise NotFound("user", user.user_id if user else "nobody")',
    ),
    "open.py": ("public=True, cache=60", "", "str", "import uuid; return uuid.uuid4().hex"),
}  # fmt: skip
PER_CALLER = [name.removesuffix(".py") for name in FUNCTIONS if name != "open.py"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, accounts: Issuer) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("caches")
    names = ("config", "takes", "returns", "does")
    files = {
        name: MAY_SEE.format(**dict(zip(names, parts, strict=True))) for name, parts in FUNCTIONS.items()
    }
    write_tree(folder / "functions", files)
    write_tree(folder, {"functions/public.lock": "".join(f"GET /{name}\n" for name in sorted(PER_CALLER))})
    settings = {
        "ANNEX_ENV": "test",
        "CLERK_JWT_KEY": accounts.pem,
        "ANNEX_FUNCTIONS": str(folder / "functions"),
    }
    with annex("serve", folder, settings) as running:
        yield running


@pytest.fixture(scope="module")
def accounts() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("NOT TESTED: what a browser keeps needs Chromium, and there is none on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


def _as(accounts: Issuer, user: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {accounts.token(sub=user)}"} if user else {}


CALLERS = ("user_ada", "user_bob", None, "user_ada")


@pytest.mark.parametrize("place", ["", "/forced"])
@pytest.mark.parametrize("path", PER_CALLER)
def test_a_shared_cache_gives_nobody_the_answer_of_another(
    service: Service, accounts: Issuer, nginx: Cache, place: str, path: str
):
    cache, told = nginx(service.url), []
    for user in CALLERS:
        headers = _as(accounts, user)
        own = httpx.get(f"{service.url}/{path}", headers=headers)
        through = httpx.get(f"{cache}{place}/{path}", headers=headers)
        told.append(_said(through))
        assert (through.status_code, _said(through)) == (own.status_code, _said(own))
    assert len({*told[:3]}) == 3


def test_a_shared_cache_keeps_what_no_caller_can_change(service: Service, accounts: Issuer, nginx: Cache):
    cache = nginx(service.url)

    answers = {httpx.get(f"{cache}/open", headers=_as(accounts, user)).text for user in CALLERS}

    assert len(answers) == 1


@pytest.mark.parametrize("path", PER_CALLER)
def test_a_browser_gives_the_next_account_its_own_answer(
    service: Service, accounts: Issuer, browser: Browser, path: str
):
    page = browser.new_page()
    page.goto(f"{service.url}/open")

    asked = "([url, headers]) => fetch(url, {headers}).then(answer => answer.text())"
    told = [page.evaluate(asked, [f"/{path}", _as(accounts, user)]) for user in CALLERS[:3]]

    page.close()
    assert len({*told}) == 3


@pytest.mark.parametrize(
    ("path", "control", "vary"),
    [
        ("open", "public, max-age=60", "Origin"),
        ("mine", "private, max-age=60", "Origin, Authorization, Cookie"),
        ("raw", "private, max-age=60", "Origin, Authorization, Cookie"),
        ("written", "private", "Accept-Language, Origin, Authorization, Cookie"),
        ("closed", "no-store", "Origin, Authorization, Cookie"),
        ("refused", "no-store", "Origin, Authorization, Cookie"),
        ("nothing", "no-store", "Origin, Authorization, Cookie"),
    ],
)
def test_an_answer_says_once_by_what_it_varies(service: Service, path: str, control: str, vary: str):
    answer = httpx.get(f"{service.url}/{path}")

    assert answer.headers["cache-control"] == control
    assert answer.headers.get_list("vary") == [vary]


def _said(answer: httpx.Response) -> str:
    """The answer without what differs with every request."""
    if answer.headers["content-type"].endswith("problem+json"):
        return str(answer.json()["detail"])
    return answer.text

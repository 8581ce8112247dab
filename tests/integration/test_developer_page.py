"""`/_annex`, over HTTP: whom it answers, and what it hands out."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from runtime.app import create_app
from runtime.dev.page.page import DeveloperPage
from runtime.dev.page.recorder import Recorder
from runtime.settings import load
from runtime.telemetry import Telemetry
from tests.fixtures.app import Compose
from tests.fixtures.valkey import RedisServer

FUNCTIONS = {
    "signals/[symbol].py": (
        "async def get(symbol: str, window: int = 20) -> dict[str, str]:\n"
        '    """Return the newest reading."""\n    return {symbol: "risk-on"}\n'
    ),
    "broken.py": "import a_module_that_is_not_there\n\n\nasync def get() -> str:\n    return ''\n",
}

type Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return a way to run the service with the page around it, as `annex dev` does."""
    for name, text in FUNCTIONS.items():
        file = tmp_path / "functions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.chdir(tmp_path)

    @asynccontextmanager
    async def opened(client: str = "127.0.0.1", base: str = "http://localhost:8000", **environment: str):
        settings = load({"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": "functions", **environment})
        recorder = Recorder()
        application = create_app(settings, telemetry=Telemetry.start(settings, processors=[recorder]))
        page = partial(DeveloperPage, application=application, recorder=recorder)
        application.put_in_front("developer's page", page)
        transport = httpx.ASGITransport(application, client=(client, 4711))
        async with application.running(), httpx.AsyncClient(transport=transport, base_url=base) as http:
            yield http

    return opened


async def test_page_comes_with_a_policy_that_runs_its_own_script_alone(open_page: Open):
    async with open_page() as http:
        page = await http.get("/_annex")

    nonce = re.search(r"script-src 'nonce-([^']+)'", page.headers["content-security-policy"])
    assert nonce is not None
    assert re.findall(r'<(?:script|style) nonce="([^"]+)"', page.text) == [nonce[1], nonce[1]]
    assert "{nonce}" not in page.text
    assert "https://" not in page.text


async def test_state_lists_functions_broken_ones_with_their_cause(open_page: Open):
    async with open_page() as http:
        state = (await http.get("/_annex/state?after=-1")).json()

    broken, signals = state["functions"]
    assert "a_module_that_is_not_there" in broken["fault"]
    assert (signals["method"], signals["template"], signals["auth"]) == (
        "GET",
        "/signals/{symbol}",
        "session",
    )
    assert [
        (given["name"], given["source"], given["type"], given["required"]) for given in signals["inputs"]
    ] == [
        ("symbol", "path", "str", True),
        ("window", "query", "int", False),
    ]


async def test_request_made_with_a_token_of_the_page_can_be_followed(open_page: Open):
    async with open_page() as http:
        token = (await http.post("/_annex/token", json={"user": "user_7"})).json()["token"]
        answer = await http.get("/signals/SPY", headers={"Authorization": f"Bearer {token}"})
        trace = answer.headers["traceresponse"].split("-")[1]
        state = (await http.get("/_annex/state?after=-1")).json()
        followed = (await http.get(f"/_annex/traces/{trace}")).json()
        gone = await http.get("/_annex/traces/0af7651916cd43dd8448eb211c80319c")

    assert answer.json() == {"SPY": "risk-on"}
    assert [(request["trace"], request["status"], request["path"]) for request in state["requests"]] == [
        (trace, 200, "/signals/SPY")
    ]
    assert followed["spans"][0]["attributes"]["annex.function"] == "signals/[symbol].py"
    assert gone.status_code == 404


async def test_reader_without_news_gets_none(open_page: Open):
    async with open_page() as http:
        serial = (await http.get("/_annex/state?after=-1")).json()["serial"]

        assert (await http.get(f"/_annex/state?after={serial}")).status_code == 204


@pytest.mark.parametrize(
    ("client", "base"),
    [
        ("192.168.1.20", "http://localhost:8000"),
        ("127.0.0.1", "http://rebound.example.com:8000"),
        ("", "http://localhost:8000"),
    ],
)
async def test_page_answers_nobody_but_this_machine(open_page: Open, client: str, base: str):
    async with open_page(client=client, base=base) as http:
        answers = [await http.get("/_annex"), await http.post("/_annex/token", json={"user": "user_7"})]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"])
async def test_page_answers_nobody_through_a_proxy_on_this_machine(open_page: Open, name: str):
    async with open_page() as http:
        answers = [
            await http.get("/_annex", headers={name: "203.0.113.7"}),
            await http.post("/_annex/token", json={"user": "user_7"}, headers={name: ""}),
        ]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_token_needs_a_user_and_a_page_that_speaks_json(open_page: Open):
    async with open_page() as http:
        nameless = await http.post("/_annex/token", json={})
        form = await http.post("/_annex/token", data={"user": "user_7"})
        nowhere = await http.get("/_annex/elsewhere")

    assert (nameless.status_code, form.status_code, nowhere.status_code) == (400, 409, 404)


async def test_path_that_only_begins_like_the_page_is_the_services(open_page: Open):
    async with open_page() as http:
        answer = await http.get("/_annexes")

    assert answer.headers["content-type"] == "application/problem+json"


async def test_service_that_production_runs_has_no_such_page(compose: Compose):
    async with compose() as caller:
        answer = await caller.anonymous("GET", "/_annex")

    assert answer.status_code == 404


def test_nothing_that_serves_imports_the_page():
    loaded = "import sys, runtime.app, runtime.server.process; print('runtime.dev.page.page' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "False"


def test_page_is_the_outermost_stage_where_it_is_put_in_front_and_no_stage_elsewhere(tmp_path: Path):
    application = create_app(load({"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(tmp_path)}))
    before = list(application.stages())
    application.put_in_front("developer's page", lambda app: app)

    assert before[0] == "shell"
    assert list(application.stages()) == ["developer's page", *before]


JOB = (
    "import msgspec\n\n\nclass Letter(msgspec.Struct):\n    to: str\n\n\n"
    'async def job(data: Letter) -> str:\n    """Send a letter."""\n    return data.to\n'
)


async def test_jobs_are_listed_and_queued_by_hand_and_their_runs_looked_after(
    open_page: Open, tmp_path: Path, redis_server: RedisServer
):
    (tmp_path / "functions" / "mail.py").write_text(JOB)
    async with open_page(REDIS_URL=redis_server.url) as http:
        told = (await http.get("/_annex/jobs")).json()
        asked = {"action": "run", "name": "/mail", "data": '{"to": "ada"}'}
        run = (await http.post("/_annex/jobs", json=asked)).json()
        listed = (await http.get("/_annex/jobs")).json()["runs"]
        ended = (await http.post("/_annex/jobs", json={"action": "cancel", "name": run["id"]})).json()

    assert [(job["template"], job["doc"], '"to"' in job["body"]) for job in told["jobs"]] == [
        ("/mail", "Send a letter.", True)
    ]
    assert ([each["id"] for each in listed], run["state"], ended["state"]) == (
        [run["id"]],
        "queued",
        "cancelled",
    )


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"action": "run", "name": "/mial"}, 400),
        ({"action": "run", "name": "/mail", "data": "{"}, 400),
        ({"action": "show", "name": "run_x"}, 404),
        ({"action": "burn", "name": "run_x"}, 400),
    ],
)
async def test_what_the_page_cannot_do_with_jobs_is_said(
    open_page: Open, tmp_path: Path, redis_server: RedisServer, asked: dict[str, str], status: int
):
    (tmp_path / "functions" / "mail.py").write_text(JOB)
    async with open_page(REDIS_URL=redis_server.url) as http:
        answer = await http.post("/_annex/jobs", json=asked)

    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


async def test_no_other_site_can_queue_through_the_page(
    open_page: Open, tmp_path: Path, redis_server: RedisServer
):
    (tmp_path / "functions" / "mail.py").write_text(JOB)
    text = '{"action": "run", "name": "/mail", "data": "{\\"to\\": \\"ada\\"}"}'
    async with open_page(REDIS_URL=redis_server.url) as http:
        answer = await http.post("/_annex/jobs", content=text, headers={"content-type": "text/plain"})
        runs = (await http.get("/_annex/jobs")).json()["runs"]

    assert (answer.status_code, runs) == (409, [])

"""A team's own Litestar handlers and plugins beside the functions, in the project of docs/litestar.md."""

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime.routing import RouteTable, discover
from runtime.routing.display import as_json, as_text
from runtime.routing.extensions.listing import extended
from runtime.routing.lock import drift, write
from tests.fixtures.app import ORIGIN, Compose
from tests.fixtures.routing import write_tree

BLOCK = re.compile(r"^```\w*\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = dict(BLOCK.findall(Path("docs/litestar.md").read_text("utf-8")))
FUNCTION = "async def get() -> str:\n    return 'function'\n"
DESK = {"org_id": "org_1", "org_slug": "desk", "org_role": "org:member", "v": None}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """The project of the page, with one function."""
    path, modules = [*sys.path], set(sys.modules)
    write_tree(tmp_path, {**PAGE, "functions/index.py": FUNCTION})
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("shared."):
            del sys.modules[name]


def looked_at(project: Path) -> RouteTable:
    return extended(discover(project / "functions"), budget=5)


def named(project: Path, *names: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.annex]\nlitestar = {[*names]!r}\n")


def test_the_page_shows_every_file_of_a_project():
    assert {*PAGE} == {"pyproject.toml", "shared/desk.py", "shared/metrics.py", "functions/public.lock"}


async def test_handlers_of_a_team_are_served_beside_functions_and_know_their_caller(
    compose: Compose, project: Path
) -> None:
    async with compose(project / "functions") as caller:
        note = await caller.signed("GET", "/desk/notes/7")
        function = await caller.signed("GET", "/")

    assert note.json() == {"number": "7", "reader": "user_ada"}
    assert function.json() == "function"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
async def test_a_route_of_litestar_is_private(compose: Compose, project: Path, method: str) -> None:
    async with compose(project / "functions") as caller:
        path = "/desk/notes" if method == "POST" else "/desk/notes/7"
        response = await caller.anonymous(method, path)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="annex"'


@pytest.mark.parametrize("environment", ["test", "production"])
async def test_a_line_of_the_lock_opens_the_route_of_a_plugin(
    compose: Compose, project: Path, environment: str
) -> None:
    async with compose(project / "functions", ANNEX_ENV=environment) as caller:
        await caller.signed("GET", "/desk/notes/7")
        response = await caller.anonymous("GET", "/metrics")

    assert response.status_code == 200
    assert (
        'desk_requests_total{app_name="desk",method="GET",path="/desk/notes/7",status_code="200"}'
        in response.text
    )


@pytest.mark.parametrize("line", ["", "GET /metrics", "POST /metrics  litestar", "GET /metrics/  litestar"])
async def test_without_its_line_the_route_of_a_plugin_is_private(
    compose: Compose, project: Path, line: str
) -> None:
    (project / "functions/public.lock").write_text(f"{line}\n")
    async with compose(project / "functions") as caller:
        response = await caller.anonymous("GET", "/metrics")

    assert response.status_code == 401


async def test_a_guard_of_litestar_sees_the_organisation(compose: Compose, project: Path) -> None:
    async with compose(project / "functions") as caller:
        refused = await caller.signed("POST", "/desk/notes", json={"text": "x"})
        added = await caller.signed("POST", "/desk/notes", json={"text": "x"}, claims=DESK)

    assert (refused.status_code, refused.json()["detail"]) == (403, "Only for the desk.")
    assert (added.status_code, added.json()) == (201, {"text": "x"})


async def test_what_a_handler_raises_is_a_problem_document(compose: Compose, project: Path) -> None:
    async with compose(project / "functions") as caller:
        missing = await caller.signed("GET", "/desk/notes/10")
        unknown = await caller.signed("GET", "/nowhere")
        wrong = await caller.signed("DELETE", "/desk/notes/7")
        invalid = await caller.signed("POST", "/desk/notes?token=canary", json=[1], claims=DESK)

    answers = [missing, unknown, wrong, invalid]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (404, "not_found"), (404, "not_found"), (405, "method_not_allowed"), (400, "invalid_input"),
    ]  # fmt: skip
    assert {each.headers["content-type"] for each in answers} == {"application/problem+json"}
    assert missing.json()["detail"] == "There are nine notes."
    assert "GET" in wrong.headers["allow"]
    assert "canary" not in invalid.text


async def test_its_answers_have_the_headers_of_the_service_once(compose: Compose, project: Path) -> None:
    write_tree(project, {"shared/desk.py": """
        from litestar import Response, get

        @get("/own")
        async def desk() -> Response[str]:
            headers = {"Access-Control-Allow-Origin": "*", "X-Request-Id": "mine", "X-Own": "1"}
            return Response("x", headers=headers)
    """})  # fmt: skip
    async with compose(project / "functions") as caller:
        response = await caller.signed("GET", "/own", headers={"Origin": ORIGIN})
        preflight = await caller.anonymous(
            "OPTIONS", "/own", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
        )

    assert response.headers.get_list("access-control-allow-origin") == [ORIGIN]
    assert response.headers["x-request-id"] != "mine"
    assert (response.headers["x-own"], response.headers["cache-control"]) == ("1", "no-store")
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, ORIGIN)


async def test_an_unexpected_error_is_logged_once_and_tells_nothing(
    compose: Compose, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tree(project, {"shared/desk.py": """
        from litestar import get

        @get("/own")
        async def desk() -> str:
            raise ZeroDivisionError("canary")
    """})  # fmt: skip
    async with compose(project / "functions") as caller:
        response = await caller.signed("GET", "/own")

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "canary" not in response.text
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == [
        "unhandled exception", "GET /own 500",
    ]  # fmt: skip


async def test_limits_hold_for_its_handlers(compose: Compose, project: Path) -> None:
    write_tree(project, {"shared/desk.py": """
        import asyncio
        from litestar import get, post
        from litestar.params import JSONBody

        @get("/slow", opt={"timeout": 0.05})
        async def slow() -> None:
            await asyncio.sleep(60)

        @post("/small", request_max_body_size=4)
        async def small(data: JSONBody[list[int]]) -> int:
            return len(data)

        desk = [slow, small]
    """})  # fmt: skip
    async with compose(project / "functions") as caller:
        slow = await caller.signed("GET", "/slow")
        large = await caller.signed("POST", "/small", json=[1, 2, 3])

    assert (slow.status_code, large.status_code) == (504, 413)


async def test_a_function_wins_where_both_have_a_path_and_the_hidden_handler_is_named(
    compose: Compose, project: Path
) -> None:
    write_tree(
        project,
        {"functions/desk/notes/[number].py": "async def get(number: str) -> str:\n    return number\n"},
    )
    async with compose(project / "functions") as caller:
        response = await caller.signed("GET", "/desk/notes/7")
        faults = [str(fault) for fault in caller.application.table.faults]

    assert response.json() == "7"
    assert faults == [
        "pyproject.toml: GET /desk/notes/{number} of a Litestar handler is never reached: "
        "desk/notes/[number].py has /desk/notes/{number}, and functions come first. "
        "Give one of them another path."
    ]


GET = "from litestar import get\n@get"
BROKEN = {
    "missing module": ("shared.nowhere:x", None, "pyproject.toml"),
    "missing name": ("shared.own:nowhere", "", "shared/own.py"),
    "no colon": ("shared.own", "", "pyproject.toml"),
    "raises": ("shared.own:x", "1 / 0", "shared/own.py"),
    "exits": ("shared.own:x", "raise SystemExit", "shared/own.py"),
    "hangs": ("shared.own:x", "while True: pass", "shared/own.py"),
    "no syntax": ("shared.own:x", "x =", "shared/own.py"),
    "no handler": ("shared.own:x", "x = 1", "shared/own.py"),
    "path twice": ("shared.own:x", f"{GET}('/metrics')\nasync def x() -> None: ...", "shared/own.py"),
    "no annotation": ("shared.own:x", f"{GET}('/x')\nasync def x(y): ...", "shared/own.py"),
    "plugin that raises": (
        "shared.own:X",
        "from litestar.plugins import InitPlugin\nclass X(InitPlugin):\n"
        "    def on_app_init(self, app_config): 1 / 0",
        "shared/own.py",
    ),
    "plugin in front": (
        "shared.own:X",
        "from litestar.plugins import InitPlugin\nclass Y(InitPlugin):\n"
        "    def on_app_init(self, app_config):\n"
        "        app_config.middleware.insert(0, lambda app: app)\n        return app_config\n"
        "class X(InitPlugin):\n    def on_app_init(self, app_config):\n"
        "        app_config.plugins.append(Y())\n        return app_config\n",
        "shared/own.py",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_extension_is_named_and_costs_its_own_routes_only(
    compose: Compose, project: Path, case: str
) -> None:
    name, source, file = BROKEN[case]
    named(project, "shared.desk:desk", "shared.metrics:Metrics", name)
    if source is not None:
        write_tree(project, {"shared/own.py": source})
    async with compose(project / "functions", ANNEX_IMPORT_BUDGET="1") as caller:
        answers = [await caller.signed("GET", path) for path in ("/", "/desk/notes/7", "/metrics")]
        ready = (await caller.anonymous("GET", "/health/ready")).json()

    assert [each.status_code for each in answers] == [200, 200, 200]
    quarantined = ready["checks"]["functions"]["detail"]["quarantined"]
    assert [each["file"] for each in quarantined] == [file]


@pytest.mark.parametrize(
    "text", ["[tool.annex", "[tool]\nannex = 1", "[tool.annex]\nlitestar = 'x:y'", "\xff"]
)
async def test_a_pyproject_that_cannot_be_used_is_named_and_functions_serve(
    compose: Compose, project: Path, text: str
) -> None:
    (project / "pyproject.toml").write_bytes(text.encode("latin-1"))
    async with compose(project / "functions") as caller:
        response = await caller.signed("GET", "/")
        faults = caller.application.table.faults

    assert response.json() == "function"
    assert [(fault.file, fault.cure) for fault in faults] == [
        ("pyproject.toml", "Correct pyproject.toml; until then it names no Litestar handlers.")
    ]


@pytest.mark.parametrize("start", ["1 / 0", "await __import__('asyncio').sleep(60)"])
async def test_a_plugin_whose_start_fails_costs_litestars_routes_only(
    compose: Compose, project: Path, start: str
) -> None:
    write_tree(project, {"shared/metrics.py": f"""
        from litestar.plugins import InitPlugin

        class Metrics(InitPlugin):
            def on_app_init(self, app_config):
                async def start() -> None:
                    {start}
                app_config.on_startup.append(start)
                return app_config
    """})  # fmt: skip
    async with compose(project / "functions", ANNEX_IMPORT_BUDGET="0.5") as caller:
        answers = [(await caller.signed("GET", path)).status_code for path in ("/", "/desk/notes/7")]
        faults = caller.application.table.faults

    assert answers == [200, 404]
    assert [fault.file for fault in faults] == ["pyproject.toml"]


async def test_plugins_live_as_long_as_the_service(compose: Compose, project: Path) -> None:
    write_tree(project, {"shared/metrics.py": """
        from litestar import get
        from litestar.plugins import InitPlugin

        LIFE = []

        @get("/life")
        async def life() -> list[str]:
            return LIFE

        class Metrics(InitPlugin):
            def on_app_init(self, app_config):
                app_config.on_startup.append(lambda: LIFE.append("started"))
                app_config.on_shutdown.append(lambda: LIFE.append("stopped"))
                app_config.route_handlers.append(life)
                return app_config
    """})  # fmt: skip
    async with compose(project / "functions") as caller:
        running = (await caller.signed("GET", "/life")).json()

    assert (running, sys.modules["shared.metrics"].LIFE) == (["started"], ["started", "stopped"])


async def test_the_stock_span_says_what_ours_says(compose: Compose, project: Path) -> None:
    exporter = InMemorySpanExporter()
    async with compose(project / "functions", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as caller:
        tracers: Any = caller.application.telemetry.tracer_provider
        tracers.add_span_processor(SimpleSpanProcessor(exporter))
        await caller.signed("GET", "/desk/notes/7?token=canary", headers={"User-Agent": "\\xff\\x"})

    stock, ours = exporter.get_finished_spans()
    theirs = dict(stock.attributes or {})
    extra = {name: value for name, value in (ours.attributes or {}).items() if name not in theirs}
    assert stock.name == ours.name == "GET /desk/notes/{number}"
    assert stock.parent is not None
    assert stock.parent.span_id == ours.context.span_id
    assert {name for name, value in theirs.items() if (ours.attributes or {})[name] != value} == {
        "server.address"
    }
    assert {*extra} == {
        "server.port",
        "annex.request_id",
        "annex.auth",
        "annex.function",
        "annex.deadline_left",
        "user.id",
    }
    assert "canary" not in repr([stock.to_json(), ours.to_json()])


def test_routes_and_check_show_them(project: Path) -> None:
    table = looked_at(project)

    assert [line.split() for line in as_text(table).splitlines()[-4:]] == [
        ["litestar"],
        ["POST", "/desk/notes", "session", "60", "s"],
        ["GET", "/desk/notes/{number}", "session", "25", "s"],
        ["GET", "/metrics", "public", "25", "s"],
    ]
    assert '"url": "/metrics"' in as_json(table)
    assert drift(project / "functions", table) == []


def test_the_lock_keeps_its_lines_for_litestar_and_opens_none_by_itself(project: Path) -> None:
    lock = project / "functions/public.lock"
    lock.write_text("GET /metrics  litestar\nGET /gone  litestar\n")

    stale = drift(project / "functions", looked_at(project))
    write(project / "functions", looked_at(project))

    assert stale == ["'GET /gone  litestar' is in public.lock but not public. Remove the line."]
    assert lock.read_text().splitlines()[1:] == ["GET /metrics  litestar"]


def test_a_websocket_and_a_path_of_the_runtime_are_named(project: Path) -> None:
    write_tree(project, {"shared/desk.py": """
        from litestar import WebSocket, get, websocket

        @websocket("/ws")
        async def talk(socket: WebSocket) -> None: ...

        @get("/health")
        async def health() -> None: ...

        desk = [talk, health]
    """})  # fmt: skip
    faults = [fault.found for fault in looked_at(project).faults]

    assert faults == [
        "GET /health of a Litestar handler is never reached: /health is reserved for the runtime.",
        "The Litestar handler of /ws is a WebSocket, which the service does not serve.",
    ]


async def test_a_mounted_application_is_private_until_its_line_opens_it(
    compose: Compose, project: Path
) -> None:
    write_tree(project, {"shared/desk.py": """
        from litestar import asgi
        from litestar.types import Receive, Scope, Send

        @asgi("/old", is_mount=True, copy_scope=True)
        async def desk(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["path"].encode()})
    """})  # fmt: skip
    async with compose(project / "functions") as caller:
        closed = await caller.anonymous("GET", "/old/a/b")
    (project / "functions/public.lock").write_text("ANY /old  litestar\n")
    async with compose(project / "functions") as caller:
        opened = await caller.anonymous("POST", "/old/a/b")

    assert closed.status_code == 401
    assert (opened.status_code, opened.text) == (200, "/a/b/")

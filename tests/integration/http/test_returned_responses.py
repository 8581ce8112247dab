"""A `Response` that a function returns: the config holds for it, and each header has one owner."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.fixtures.app import ORIGIN, Caller, Compose
from tests.fixtures.listening import listening

CONFIGURED = '''"""Readings as CSV."""

from collections.abc import AsyncIterator

from litestar import Response
from litestar.response import Redirect, Stream

from runtime import Event, Function

config = Function(public=True, cache=60, methods={"post": {"status": 201}, "put": {"status": 202}})


async def get(how: str) -> Response:
    """Answer in one of many ways."""
    match how:
        case "stream":
            return Stream(iter([b"SPY"]), media_type="text/csv")
        case "missing":
            return Response("gone", status_code=404)
        case "redirect":
            return Redirect("/elsewhere")
        case "cookie":
            return Response("SPY", cookies={"theme": "dark"}, headers={"Cache-Control": "public, max-age=5"})
        case "own":
            return Response("SPY", headers={"Cache-Control": "max-age=5"})
    return Response("SPY", media_type="text/csv")


async def post() -> Response[str]:
    """Add one."""
    return Response("SPY", media_type="text/csv")


async def patch() -> Response[str]:
    """Say nothing of a status."""
    return Response("SPY", media_type="text/csv")


async def put() -> AsyncIterator[Event]:
    """Stream."""
    if False:
        yield
'''
OWN = '''"""An answer that speaks for the service."""

from litestar import Response
from litestar.response import Stream

from runtime import Function

config = Function(public=True)
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "access-control-allow-credentials": "true",
    "Access-Control-Expose-Headers": "X-Secret",
    "Date": "Thu, 01 Jan 1970 00:00:00 GMT",
    "X-Request-Id": "mine",
    "Server": "mine",
    "X-Frame-Options": "ALLOWALL",
    "Strict-Transport-Security": "max-age=0",
    "X-Content-Type-Options": "mine",
    "Referrer-Policy": "unsafe-url",
    "Connection": "close",
    "Keep-Alive": "timeout=5",
    "Transfer-Encoding": "chunked",
    "Content-Length": "2",
    "RateLimit": "mine",
    "X-Signal": "SPY",
}


async def get() -> Response[str]:
    """Say too much."""
    return Response("a longer text", media_type="text/plain", headers=HEADERS)


async def post() -> Stream:
    """Say it in pieces."""
    return Stream(iter([b"a longer ", b"text"]), media_type="text/plain", headers=HEADERS)
'''
BACKGROUND = '''"""An answer and something to do after it."""

from litestar import Response
from litestar.background_tasks import BackgroundTask, BackgroundTasks

from runtime import Function, NotFound

config = Function(public=True)


async def fails() -> None:
    raise RuntimeError("password=hunter2")


async def refuses() -> None:
    raise NotFound("signal", "SPY")


async def get(how: str) -> Response[str]:
    """Answer."""
    task = BackgroundTask(globals()[how])
    return Response("SPY", media_type="text/plain", background=BackgroundTasks([task]))
'''
TEAPOT = '''"""A refusal in Litestar's words."""

from litestar.exceptions import HTTPException, NotFoundException, PermissionDeniedException

from runtime import Function

config = Function(public=True)


async def get(status: int, detail: str = "") -> str:
    """Refuse."""
    raise HTTPException(
        status_code=status, detail=detail, headers={"X-Secret": "hunter2"}, extra={"secret": "hunter2"}
    )


async def post(status: int) -> str:
    """Refuse as one would in FastAPI."""
    raise HTTPException(status, "teapot")


async def delete() -> str:
    """Refuse by a class."""
    raise PermissionDeniedException("not this one")
'''
FILES = {"configured": CONFIGURED, "own": OWN, "background": BACKGROUND, "teapot": TEAPOT}


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)
    async with compose(tmp_path) as caller:
        yield caller


@pytest.fixture
async def wire(service: Caller) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service behind our own server."""
    async with (
        listening(service.application) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers={"Origin": ORIGIN}) as http,
    ):
        yield http


async def test_the_configs_status_holds_for_a_returned_response_and_for_a_stream(service: Caller):
    answers = [await service.anonymous(method, "/configured") for method in ("POST", "PUT", "PATCH")]

    assert [answer.status_code for answer in answers] == [201, 202, 200]


@pytest.mark.parametrize(
    ("how", "status", "cache"),
    [
        ("plain", 200, "public, max-age=60"),
        ("stream", 200, "public, max-age=60"),
        ("missing", 404, "no-store"),
        ("redirect", 302, "no-store"),
        ("own", 200, "max-age=5"),
        ("cookie", 200, "private, max-age=5"),
    ],
)
async def test_the_configs_cache_holds_for_a_success_that_says_nothing_of_it(
    service: Caller, how: str, status: int, cache: str
):
    answer = await service.anonymous("GET", "/configured", params={"how": how})

    assert (answer.status_code, answer.headers.get_list("cache-control")) == (status, [cache])


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_the_service_says_in_a_header_stands_once_and_is_not_the_functions(
    wire: httpx.AsyncClient, method: str
):
    answer = await wire.request(method, "/own")
    again = await wire.request(method, "/own")

    assert (answer.status_code, answer.text, again.text) == (200, "a longer text", "a longer text")
    repeated = [name for name in answer.headers if len(answer.headers.get_list(name)) > 1]
    assert repeated == []
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "1970" not in answer.headers["date"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-signal"] == "SPY"
    assert "mine" not in answer.headers.values()
    assert "X-Secret" not in answer.headers["access-control-expose-headers"]
    assert not {"server", "keep-alive", "connection", "strict-transport-security"} & set(answer.headers)
    assert answer.headers.get("content-length") == ("13" if method == "GET" else None)


@pytest.mark.parametrize(("how", "told"), [("fails", "RuntimeError"), ("refuses", "NotFound")])
async def test_an_error_in_a_background_task_does_not_cost_the_caller_the_answer(
    wire: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, how: str, told: str
):
    answer = await wire.get("/background", params={"how": how})
    again = await wire.get("/background", params={"how": how})

    assert (answer.status_code, answer.text, again.text) == (200, "SPY", "SPY")
    lines = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert {record.getMessage() for record in lines} == {"an error after the answer was sent"}
    assert {record.exc_info[0].__name__ for record in lines if record.exc_info} == {told}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_input"),
        (401, "unauthenticated"),
        (402, "refused"),
        (403, "forbidden"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (409, "conflict"),
        (410, "refused"),
        (413, "body_too_large"),
        (415, "unsupported_media_type"),
        (418, "refused"),
        (422, "refused"),
        (429, "rate_limited"),
        (502, "refused"),
        (503, "unavailable"),
    ],
)
async def test_litestars_exception_is_told_by_its_own_detail_and_nothing_else_of_it(
    service: Caller, status: int, code: str
):
    answer = await service.anonymous("GET", "/teapot", params={"status": status, "detail": "teapot"})

    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["detail"]) == (status, status, "teapot")
    assert problem["code"] == code
    assert "hunter2" not in answer.text + str(answer.headers)


async def test_litestars_exception_in_the_order_of_fastapi_means_the_same(service: Caller):
    answer = await service.anonymous("POST", "/teapot", params={"status": 404})

    assert (answer.status_code, answer.json()["detail"]) == (404, "teapot")


async def test_litestars_exception_by_class_is_told_by_its_detail(service: Caller):
    answer = await service.anonymous("DELETE", "/teapot")

    assert (answer.status_code, answer.json()["detail"]) == (403, "not this one")


async def test_litestars_exception_without_a_detail_has_ours(service: Caller):
    answer = await service.anonymous("GET", "/teapot", params={"status": 404})

    assert (answer.status_code, answer.json()["detail"]) == (404, "The resource was not found.")


@pytest.mark.parametrize("status", [500, 200, 302])
async def test_litestars_exception_that_is_no_refusal_is_a_bug_whose_text_stays_inside(
    service: Caller, status: int
):
    answer = await service.anonymous("GET", "/teapot", params={"status": status, "detail": "hunter2"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text

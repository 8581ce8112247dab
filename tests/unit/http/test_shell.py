"""What holds for every request, whatever happens inside."""

import asyncio
from typing import Any

import httpx
import pytest

from runtime.asgi.messages import ASGIApp
from runtime.http.admission import Admission
from shared.errors import NotFound
from tests.fixtures.shell import ORIGIN, shelled


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


def client(app: ASGIApp, peer: str = "192.0.2.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(peer, 1), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://annex")


async def test_every_response_has_an_id_and_the_security_headers():
    response = await client(shelled(hello, production=True)).get("/")
    assert len(response.headers["x-request-id"]) == 32
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["strict-transport-security"].startswith("max-age=")
    assert "server-timing" not in response.headers


async def test_development_shows_the_time_spent():
    response = await client(shelled(hello)).get("/")
    assert response.headers["server-timing"].startswith("app;dur=")


async def test_a_request_id_is_taken_from_a_trusted_proxy():
    response = await client(shelled(hello), peer="10.1.2.3").get(
        "/", headers={"X-Railway-Request-Id": "abc-1"}
    )
    assert response.headers["x-request-id"] == "abc-1"


async def test_a_request_id_of_an_unknown_client_is_not_taken():
    response = await client(shelled(hello)).get("/", headers={"X-Request-Id": "abc-1"})
    assert response.headers["x-request-id"] != "abc-1"


async def test_a_request_id_that_could_break_a_log_line_is_not_taken():
    response = await client(shelled(hello), peer="10.1.2.3").get("/", headers={"X-Request-Id": "a b"})
    assert response.headers["x-request-id"] != "a b"


@pytest.mark.parametrize(
    ("peer", "real", "expected"),
    [
        ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "not-an-address", "10.1.2.3"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("testclient", "203.0.113.9", "testclient"),
    ],
)
async def test_the_callers_address_is_believed_only_from_a_trusted_proxy(peer: str, real: str, expected: str):
    seen = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["annex"].client)
        await hello(scope, receive, send)

    await client(shelled(inner), peer=peer).get("/", headers={"X-Real-IP": real})
    assert seen == [expected]


async def test_head_runs_the_get_and_sends_no_body():
    methods = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        methods.append(scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"fo", "more_body": True})
        await send({"type": "http.response.body", "body": b"ur"})

    response = await client(shelled(inner)).head("/")
    assert (methods, response.status_code, response.content) == (["GET"], 200, b"")
    assert response.headers["content-length"] == "4"


async def test_an_escaped_exception_is_an_opaque_500_with_cors_headers(caplog):
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("canary-secret")

    response = await client(shelled(inner)).get("/", headers={"Origin": ORIGIN})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.json()["code"] == "internal_error"
    assert "canary" not in response.text


async def test_an_escaped_noun_of_ours_keeps_its_status():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        raise NotFound("signal", "SPY")

    response = await client(shelled(inner)).get("/")
    assert (response.status_code, response.json()["detail"]) == (404, 'Signal "SPY" was not found.')


async def test_a_failure_between_head_and_body_is_answered_as_if_there_had_been_no_head():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-signal", b"SPY")]})
        raise NotFound("signal", "SPY")

    response = await client(shelled(inner)).get("/", headers={"Origin": ORIGIN})
    assert (response.status_code, response.json()["detail"]) == (404, 'Signal "SPY" was not found.')
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "x-signal" not in response.headers


async def test_a_failure_after_the_first_piece_was_sent_cuts_the_response():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"SPY", "more_body": True})
        raise RuntimeError("too late")

    transport = httpx.ASGITransport(shelled(inner))
    with pytest.raises(RuntimeError, match="too late"):
        await httpx.AsyncClient(transport=transport, base_url="http://annex").get("/")


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/" + "a" * 9000, {}, 414, "uri_too_long"),
        ("/", {f"x-{n}": "1" for n in range(101)}, 431, "headers_too_large"),
        ("/", {"x-big": "a" * 33000}, 431, "headers_too_large"),
    ],
)
async def test_an_oversized_head_is_refused(path: str, headers: dict[str, str], status: int, code: str):
    response = await client(shelled(hello)).get(path, headers={"Origin": ORIGIN, **headers})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["access-control-allow-origin"] == ORIGIN


async def test_over_the_limit_of_requests_at_once_is_503_with_retry_after():
    inside, leave = asyncio.Event(), asyncio.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        inside.set()
        await leave.wait()
        await hello(scope, receive, send)

    app = shelled(inner, admission=Admission(1))
    async with client(app) as http, asyncio.TaskGroup() as group:
        first = group.create_task(http.get("/"))
        await inside.wait()
        second = await http.get("/")
        leave.set()
    assert (second.status_code, second.json()["code"]) == (503, "overloaded")
    assert second.headers["retry-after"] == "1"
    assert first.result().status_code == 200


async def test_draining_refuses_new_work_and_lets_the_old_finish():
    inside, leave = asyncio.Event(), asyncio.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        inside.set()
        await leave.wait()
        await hello(scope, receive, send)

    admission = Admission(10)
    async with client(shelled(inner, admission=admission)) as http, asyncio.TaskGroup() as group:
        first = group.create_task(http.get("/"))
        await inside.wait()
        admission.draining = True
        refused = await http.get("/")
        leave.set()
    assert (refused.status_code, first.result().status_code) == (503, 200)


async def test_health_is_answered_whatever_goes_on_inside():
    app = shelled(hello, admission=Admission(0))
    assert (await client(app).get("/health/live/")).json() == {"status": "ok"}


async def test_a_function_may_have_a_url_that_begins_like_health():
    assert (await client(shelled(hello)).get("/health-records")).text == "hi"


async def test_a_websocket_is_closed():
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await shelled(hello)({"type": "websocket"}, None, send)  # type: ignore[arg-type]  # not a real connection
    assert sent[0]["type"] == "websocket.close"


async def preflight(origin: str) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return await client(shelled(hello)).options("/anything", headers=asked)


async def test_a_preflight_of_a_listed_origin_is_granted():
    response = await preflight(ORIGIN)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert "Authorization" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "baggage", "b3", "cache-control", "content-type", "idempotency-key", "if-match"),
        *("if-none-match", "last-event-id", "range", "sentry-trace", "traceparent", "x-requested-with"),
        "x-tenant",
    ],
)
async def test_a_preflight_allows_what_browsers_their_tools_and_the_settings_name(name: str):
    allowed = (await preflight(ORIGIN)).headers["access-control-allow-headers"]
    assert name in allowed.lower().split(", ")


async def test_a_preflight_allows_no_header_that_nobody_named():
    assert "x-other" not in (await preflight(ORIGIN)).headers["access-control-allow-headers"].lower()


async def test_a_preflight_of_another_origin_is_refused_and_says_which_setting():
    response = await preflight("https://evil.test")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert "CORS_ORIGINS" in response.json()["detail"]
    assert "access-control-allow-origin" not in response.headers
    assert "access-control-allow-credentials" not in response.headers


async def test_an_answer_varies_by_origin_and_credentials_whoever_asks():
    response = await client(shelled(hello)).get("/")
    assert response.headers.get_list("vary") == ["Origin, Authorization, Cookie"]


async def test_a_plain_options_is_not_a_preflight():
    response = await client(shelled(hello)).options("/", headers={"Origin": ORIGIN})
    assert response.text == "hi"

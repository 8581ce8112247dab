"""Who passes the gate, and what becomes of a call that is cut."""

import asyncio
from typing import Any

import pytest
from litestar import Response

from runtime.gate.arrival import seconds_allowed
from shared.errors import Invalid, NotFound
from tests.fixtures.gate import Serve, route


async def test_call_without_a_token_is_refused(serve: Serve):
    @route(public=False)
    async def signals() -> dict[str, str]:
        return {"SPY": "risk-on"}

    service = await serve(signals)
    refused = await service.http.get("/signals")
    passed = await service.http.get("/signals", headers={"Authorization": "Bearer user_1"})

    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert (passed.status_code, passed.json()) == (200, {"SPY": "risk-on"})
    assert [call.auth for call in service.shell.seen] == ["token-missing", "session"]
    assert service.shell.seen[1].user is not None


async def test_body_in_a_transfer_coding_that_nobody_undoes_is_refused(serve: Serve):
    @route("POST")
    async def receive() -> None:
        raise AssertionError

    service = await serve(receive)
    head = b"POST /signals HTTP/1.1\r\nHost: annex\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked"
    reader, writer = await service.connect(head + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    told = await reader.read()
    writer.close()

    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"malformed_request" in told


async def test_webhook_is_verified_on_its_raw_body_and_hands_it_on(serve: Serve):
    @route("POST", public=False, webhook="clerk")
    async def receive(data: dict[str, str]) -> dict[str, str]:
        return data

    service = await serve(receive)
    body = b'{"symbol": "SPY"}'
    headers = {"Content-Type": "application/json"}
    signed = await service.http.post("/signals", content=body, headers={**headers, "Signature": '{"sy'})
    forged = await service.http.post("/signals", content=body, headers={**headers, "Signature": "nope"})

    assert (signed.status_code, signed.json()) == (200, {"symbol": "SPY"})
    assert forged.status_code == 400
    assert [call.auth for call in service.shell.seen] == ["webhook", "webhook-refused"]


async def test_webhook_learns_from_the_status_whether_its_function_succeeded(serve: Serve):
    outcomes = iter([None, ValueError(), NotFound("user", "user_1")])

    @route("POST", public=False, webhook="clerk")
    async def receive() -> None:
        if error := next(outcomes):
            raise error

    service = await serve(receive)
    for _ in range(3):
        await service.http.post("/signals", content=b"{}", headers={"Signature": "{}"})

    assert service.authority.outcomes == [True, False, False]


async def test_webhook_whose_answer_never_left_has_not_succeeded(serve: Serve):
    class HeadAlone(Response[None]):
        def to_asgi_response(self, *_: Any, **options: Any) -> Any:
            async def heads(scope: Any, receive: Any, send: Any) -> None:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                if scope["query_string"] == b"late":
                    await asyncio.Event().wait()

            return heads

    @route("POST", public=False, webhook="clerk", timeout=0.05)
    async def receive() -> Response[None]:
        return HeadAlone(None)

    service = await serve(receive)
    late = await service.http.post("/signals?late", content=b"{}", headers={"Signature": "{}"})
    unanswered = await service.http.post("/signals", content=b"{}", headers={"Signature": "{}"})

    assert (late.status_code, unanswered.status_code) == (504, 500)
    assert service.authority.outcomes == [False, False]


async def test_webhook_that_was_handled_before_is_answered_without_running_it_again(serve: Serve):
    @route("POST", public=False, webhook="clerk")
    async def receive() -> None:
        raise AssertionError

    service = await serve(receive)
    answer = await service.http.post("/signals", content=b"{}", headers={"Signature": "{}", "Again": "1"})

    assert answer.status_code == 204


async def test_call_over_its_deadline_is_cancelled_and_answered_with_504(serve: Serve):
    cancelled = asyncio.Event()

    @route(timeout=0.05)
    async def signals() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    service = await serve(signals)
    answer = await service.http.get("/signals")

    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
    assert cancelled.is_set()
    assert service.shell.seen[0].error == "deadline_exceeded"


async def test_caller_shortens_the_deadline(serve: Serve):
    @route(timeout=600)
    async def signals() -> None:
        await asyncio.Event().wait()

    answer = await (await serve(signals)).http.get("/signals", headers={"Request-Timeout": "0.05"})

    assert answer.status_code == 504


@pytest.mark.parametrize(("asked", "granted"), [(b"10", 10), (b"0.5", 0.5), (b"60", 25), (b"999999", 25)])
def test_caller_may_shorten_and_never_lengthen(asked: bytes, granted: float):
    assert seconds_allowed(25, asked) == granted


@pytest.mark.parametrize("asked", [b"", b"0", b"-1", b"1e3", b"soon", b"nan", b"inf", b"1,5", b"9999999"])
def test_request_timeout_that_is_no_positive_number_of_seconds_is_refused(asked: bytes):
    with pytest.raises(Invalid) as refusal:
        seconds_allowed(25, asked)

    assert [(error.location, error.field) for error in refusal.value.errors] == [
        ("header", "request-timeout")
    ]


async def test_function_that_ignores_its_cancellation_is_abandoned_and_its_caller_answered(
    serve: Serve, caplog: pytest.LogCaptureFixture
):
    release = asyncio.Event()

    @route(timeout=0.02)
    async def stubborn() -> str:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "too late"

    service = await serve(stubborn, grace=0.02)
    service.gate.reaper._stuck_after = 0.02
    answer = await service.http.get("/signals")
    await service.gate.reaper.idle()
    release.set()

    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
    assert "tasks still run after their cancellation" in caplog.messages


async def test_answer_that_a_function_makes_of_its_cancellation_does_not_replace_the_504(serve: Serve):
    @route(timeout=0.02)
    async def signals() -> dict[str, str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return {"state": "half done"}
        return {}

    answer = await (await serve(signals)).http.get("/signals")

    assert answer.status_code == 504


async def test_error_that_a_function_makes_of_its_cancellation_does_not_replace_the_504(serve: Serve):
    @route(timeout=0.02)
    async def signals() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise NotFound("signal", "SPY") from None

    answer = await (await serve(signals)).http.get("/signals")

    assert answer.status_code == 504


async def test_function_that_cancels_itself_is_an_opaque_500(serve: Serve):
    @route()
    async def signals() -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    answer = await (await serve(signals)).http.get("/signals")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


async def test_error_of_a_function_becomes_its_problem_document(serve: Serve):
    @route()
    async def signals() -> None:
        raise NotFound("signal", "SPY")

    answer = await (await serve(signals)).http.get("/signals")

    assert (answer.status_code, answer.json()["detail"]) == (404, 'Signal "SPY" was not found.')


@pytest.mark.parametrize("watch", [False, True])
async def test_deadline_covers_the_wait_for_a_slow_body(serve: Serve, watch: bool):
    @route("POST", timeout=0.05, cancel_on_disconnect=watch)
    async def signals(data: dict[str, Any]) -> None: ...

    service = await serve(signals)
    head = (
        b"POST /signals HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    reader, writer = await service.connect(head)
    status = await reader.readline()
    writer.close()

    assert status == b"HTTP/1.1 504 Gateway Timeout\r\n"


async def test_server_that_gives_up_on_a_request_cancels_the_function(serve: Serve):
    running, cancelled = asyncio.Event(), asyncio.Event()

    @route()
    async def signals() -> None:
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    service = await serve(signals)
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/signals", "raw_path": b"/signals", "query_string": b"",
        "headers": [], "client": ("127.0.0.1", 1), "server": ("a", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip
    request = asyncio.ensure_future(service.shell(scope, _silence, _nowhere))
    await running.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request

    await cancelled.wait()


async def _silence() -> Any:
    await asyncio.Event().wait()


async def _nowhere(message: Any) -> None: ...

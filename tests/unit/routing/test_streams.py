"""Server-sent events on a real connection, byte for byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from runtime.routing.calling.answers.endings import Done
from runtime.routing.calling.answers.streams import DRAIN, MAX_EVENT, event_stream
from shared.errors import NotFound
from shared.events import Event
from tests.fixtures.gate import Serve, Service, route


class Tick(Event, tag="tick", frozen=True):
    symbol: str
    level: float


SPY = Tick(symbol="SPY", level=1.5)
SPY_FRAME = 'event: tick\ndata: {"type":"tick","symbol":"SPY","level":1.5}\n\n'


async def stream(serve: Serve, source: Any, **policy: Any) -> Service:
    """Serve the iterator that `source()` makes at /signals."""

    @route(**policy)
    async def signals() -> AsyncIterator[Tick | Done]:
        return cast("AsyncIterator[Tick | Done]", source())

    return await serve(signals)


def last_event(text: str) -> tuple[str, dict[str, Any]]:
    """Return name and data of the last frame."""
    frame = dict(line.split(": ", 1) for line in text.strip().split("\n\n")[-1].splitlines())
    return frame["event"], json.loads(frame["data"])


async def test_stream_is_typed_events_with_ids_and_one_done(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        yield SPY
        yield Tick(symbol="GLD", level=-0.5)

    answer = await (await stream(serve, ticks)).http.get("/signals")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-length" not in answer.headers
    assert answer.text == (
        ": open\n\n"
        f"id: 1\n{SPY_FRAME}"
        'id: 2\nevent: tick\ndata: {"type":"tick","symbol":"GLD","level":-0.5}\n\n'
        'id: 3\nevent: done\ndata: {"type":"done"}\n\n'
    )


async def test_stream_that_is_taken_up_again_counts_on(serve: Serve):
    class Resumed:
        first_id = 7

        def __init__(self) -> None:
            self._left = [SPY]

        def __aiter__(self) -> "Resumed":
            return self

        async def __anext__(self) -> Tick:
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop()

    answer = await (await stream(serve, Resumed)).http.get("/signals")

    assert [line for line in answer.text.splitlines() if line.startswith("id: ")] == ["id: 7", "id: 8"]


async def test_head_of_a_stream_does_not_run_it(serve: Serve):
    ran = asyncio.Event()

    async def ticks() -> AsyncIterator[Event]:
        ran.set()
        yield SPY

    answer = await (await stream(serve, ticks)).http.head("/signals")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert not ran.is_set()


async def test_first_bytes_come_before_the_first_event(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        await asyncio.Event().wait()
        yield SPY

    service = await stream(serve, ticks)
    async with service.http.stream("GET", "/signals") as answer:
        assert await anext(answer.aiter_text()) == ": open\n\n"


async def test_silence_is_filled_with_heartbeats(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(event_stream, "__kwdefaults__", {"heartbeat": 0.01})

    async def ticks() -> AsyncIterator[Event]:
        await asyncio.Event().wait()
        yield SPY

    service = await stream(serve, ticks)
    async with service.http.stream("GET", "/signals") as answer:
        lines = answer.aiter_lines()
        comments = [await anext(lines) for _ in range(5)]

    assert comments == [": open", "", ": heartbeat", "", ": heartbeat"]


async def test_event_that_a_function_calls_done_is_its_last_word(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        yield SPY
        yield Done()
        yield SPY

    answer = await (await stream(serve, ticks)).http.get("/signals")

    assert answer.text.count("event: done") == 1
    assert answer.text.endswith('id: 2\nevent: done\ndata: {"type":"done"}\n\n')


async def test_browser_that_comes_back_after_done_is_told_to_stay_away_and_nothing_runs(serve: Serve):
    runs: list[str] = []

    async def ticks() -> AsyncIterator[Event]:
        runs.append("run")
        yield SPY

    service = await stream(serve, ticks)
    first = await service.http.get("/signals", headers={"Accept": "text/event-stream"})
    seen = [line.removeprefix("id:").strip() for line in first.text.splitlines() if line.startswith("id:")]
    again = await service.http.get("/signals", headers={"Last-Event-ID": seen[-1]})
    cut = await service.http.get("/signals", headers={"Last-Event-ID": seen[0]})

    assert (again.status_code, again.content) == (204, b"")
    assert (cut.status_code, len(runs)) == (200, 2)


async def test_stream_that_ended_with_an_error_may_be_taken_up_again(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        yield SPY
        raise NotFound("signal", "SPY")

    service = await stream(serve, ticks)
    answer = await service.http.get("/signals", headers={"Accept": "text/event-stream"})

    assert "id:end" not in answer.text


async def test_error_noun_becomes_the_terminal_event_with_code_and_detail(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        yield SPY
        raise NotFound("signal", "GLD")

    service = await stream(serve, ticks)
    answer = await service.http.get("/signals")

    assert last_event(answer.text) == (
        "error",
        {
            "type": "error",
            "code": "not_found",
            "detail": 'Signal "GLD" was not found.',
            "request_id": "req-1",
        },
    )
    assert "event: done" not in answer.text
    assert service.shell.seen[0].error == "not_found"


async def test_mistake_of_a_function_is_told_by_id_and_never_by_its_text(
    serve: Serve, caplog: pytest.LogCaptureFixture
):
    async def ticks() -> AsyncIterator[Event]:
        yield SPY
        raise RuntimeError("password=hunter2")

    service = await stream(serve, ticks)
    answer = await service.http.get("/signals")

    name, data = last_event(answer.text)
    assert (name, data["code"], data["request_id"]) == ("error", "internal_error", "req-1")
    assert "hunter2" not in answer.text
    assert service.shell.seen[0].error == "RuntimeError"
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("name", ["tick", "done"])
async def test_event_over_the_limit_ends_the_stream_and_the_log_says_how_long_it_was(
    serve: Serve, caplog: pytest.LogCaptureFixture, name: str
):
    class Long(Event, tag=name, frozen=True):
        text: str

    @route()
    async def signals() -> AsyncIterator[Long]:
        overhead = len(f'id: 1\nevent: {name}\ndata: {{"type":"{name}","text":""}}\n\n')
        if name == "tick":
            yield Long("x" * (MAX_EVENT - overhead))
        yield Long("x" * MAX_EVENT)

    answer = await (await serve(signals)).http.get("/signals")

    assert answer.text.count(f"event: {name}") == (name == "tick")
    assert last_event(answer.text)[0] == "error"
    assert last_event(answer.text)[1]["code"] == "internal_error"
    assert f"and at most {MAX_EVENT} are sent. Yield it in parts" in caplog.text


async def test_deadline_ends_a_stream_with_an_error_event(serve: Serve):
    closed = asyncio.Event()

    async def ticks() -> AsyncIterator[Event]:
        try:
            yield SPY
            await asyncio.Event().wait()
        finally:
            closed.set()

    answer = await (await stream(serve, ticks, timeout=0.05)).http.get("/signals")

    assert answer.text.startswith(f": open\n\nid: 1\n{SPY_FRAME}id: 2\nevent: error\n")
    assert last_event(answer.text)[1]["code"] == "deadline_exceeded"
    assert closed.is_set()


async def test_timeout_of_the_function_itself_is_not_taken_for_the_deadline(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        yield SPY
        raise TimeoutError

    answer = await (await stream(serve, ticks)).http.get("/signals")

    assert last_event(answer.text)[1]["code"] == "internal_error"


async def test_shutdown_ends_a_stream_with_an_error_event(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        yield SPY
        await asyncio.Event().wait()

    service = await stream(serve, ticks)
    drain = asyncio.Event()
    service.app.state[DRAIN] = drain
    async with service.http.stream("GET", "/signals") as answer:
        text = ""
        async for part in answer.aiter_text():
            text += part
            if SPY_FRAME in text:
                drain.set()

    assert last_event(text)[1]["code"] == "shutting_down"
    assert text.count("event: error") == 1


async def test_stream_that_begins_during_the_shutdown_is_told_so(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        await asyncio.Event().wait()
        yield SPY

    service = await stream(serve, ticks)
    service.app.state[DRAIN] = drain = asyncio.Event()
    drain.set()

    assert last_event((await service.http.get("/signals")).text)[1]["code"] == "shutting_down"


async def test_error_before_the_iterator_is_made_has_its_own_status(serve: Serve):
    @route()
    async def signals() -> AsyncIterator[Tick]:
        raise NotFound("signal", "GLD")

    assert (await (await serve(signals)).http.get("/signals")).status_code == 404


async def test_deadline_before_the_iterator_is_made_is_a_504(serve: Serve):
    @route(timeout=0.02)
    async def signals() -> AsyncIterator[Tick]:
        await asyncio.Event().wait()
        raise AssertionError

    assert (await (await serve(signals)).http.get("/signals")).status_code == 504


async def test_slow_reader_slows_the_function(serve: Serve):
    made = 0

    async def ticks() -> AsyncIterator[Event]:
        nonlocal made
        while True:
            yield Tick(symbol="S" * 10_000, level=0)
            made += 1

    service = await stream(serve, ticks)
    reader, writer = await service.connect(b"GET /signals HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readline()
    made_before = -1
    while made != made_before:  # until the buffers of both ends are full
        made_before = made
        await asyncio.sleep(0.1)
    stalled_at = made
    await reader.readexactly(5_000_000)
    writer.close()

    assert made > stalled_at


async def test_function_that_never_waits_leaves_the_loop_to_others_and_ends_with_its_caller(serve: Serve):
    closed = asyncio.Event()

    async def ticks() -> AsyncIterator[Event]:
        try:
            while True:
                yield SPY
        finally:
            closed.set()

    service = await stream(serve, ticks)
    async with service.http.stream("GET", "/signals") as answer:
        await anext(answer.aiter_text())
        assert (await service.http.head("/signals")).status_code == 200

    await closed.wait()


async def test_caller_that_leaves_ends_the_function(serve: Serve):
    closed = asyncio.Event()

    async def ticks() -> AsyncIterator[Event]:
        try:
            yield SPY
            await asyncio.Event().wait()
        finally:
            closed.set()

    service = await stream(serve, ticks)
    async with service.http.stream("GET", "/signals") as answer:
        await anext(answer.aiter_text())

    await closed.wait()
    assert service.shell.seen[0].error in {"", "caller_left"}  # set a turn after the function has ended


async def test_context_manager_may_span_a_yield(serve: Serve):
    async def ticks() -> AsyncIterator[Event]:
        async with asyncio.timeout(60):
            yield SPY
            await asyncio.sleep(0)
            yield SPY

    answer = await (await stream(serve, ticks)).http.get("/signals")

    assert answer.text.endswith('event: done\ndata: {"type":"done"}\n\n')


async def test_failure_while_closing_is_logged_after_the_terminal_event(
    serve: Serve, caplog: pytest.LogCaptureFixture
):
    async def ticks() -> AsyncIterator[Event]:
        try:
            yield Done()
        finally:
            raise ValueError

    answer = await (await stream(serve, ticks)).http.get("/signals")

    assert last_event(answer.text)[0] == "done"
    assert "closing a stream failed" in caplog.messages


async def test_function_that_swallows_the_end_of_its_stream_is_cut(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    release = asyncio.Event()

    async def ticks() -> AsyncIterator[Event]:
        while not release.is_set():
            try:
                yield SPY
                await release.wait()
            except asyncio.CancelledError:
                continue

    monkeypatch.setattr("runtime.gate.call.STREAM_GRACE", 0.02)
    service = await stream(serve, ticks, timeout=0.02, cancel_on_disconnect=False)
    service.gate._grace = 0.02
    with pytest.raises(httpx.RemoteProtocolError):
        await service.http.get("/signals")
    release.set()

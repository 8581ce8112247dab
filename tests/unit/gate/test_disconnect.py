"""The caller leaves: some functions stop, the others never know."""

import asyncio
from typing import Any

from litestar import Request, Response
from litestar.background_tasks import BackgroundTask

from runtime.asgi.messages import Message
from runtime.gate.body import Replay
from tests.fixtures.gate import Serve, route

GET = b"GET /signals HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_function_that_asks_for_it_stops_when_the_caller_leaves(serve: Serve):
    running, stopped = asyncio.Event(), asyncio.Event()

    @route(cancel_on_disconnect=True)
    async def signals() -> None:
        try:
            running.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise

    service = await serve(signals)
    _, writer = await service.connect(GET)
    await running.wait()
    writer.close()

    await stopped.wait()
    await service.shell.over.wait()
    assert service.shell.seen[0].error == "caller_left"


async def test_function_that_does_not_ask_runs_to_its_end(serve: Serve):
    running, left, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @route()
    async def signals() -> None:
        running.set()
        await left.wait()
        finished.set()

    service = await serve(signals)
    _, writer = await service.connect(GET)
    await running.wait()
    writer.close()
    await writer.wait_closed()
    left.set()

    await finished.wait()
    await service.shell.over.wait()
    assert service.shell.seen[0].error == ""


async def test_body_reaches_a_function_that_asks_for_it(serve: Serve):
    @route("POST", cancel_on_disconnect=True)
    async def signals(data: dict[str, Any]) -> dict[str, Any]:
        return data

    service = await serve(signals)
    reading = {"symbol": "SPY" * 100_000}

    assert (await service.http.post("/signals", json=reading)).json() == reading


async def test_caller_that_leaves_within_its_body_never_reaches_the_function(serve: Serve):
    @route("POST", cancel_on_disconnect=True)
    async def signals(data: dict[str, Any]) -> None:
        raise AssertionError

    service = await serve(signals)
    head = (
        b"POST /signals HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    _, writer = await service.connect(head)
    await service.shell.entered.wait()
    writer.close()
    await service.shell.over.wait()

    assert service.shell.seen[0].error == "caller_left"


async def test_work_after_the_answer_is_not_cut_by_the_end_of_the_connection(serve: Serve):
    finished = asyncio.Event()

    async def tell() -> None:
        await asyncio.sleep(0.05)
        finished.set()

    @route(cancel_on_disconnect=True)
    async def signals() -> Response[None]:
        return Response(None, background=BackgroundTask(tell))

    service = await serve(signals)
    await service.http.get("/signals")
    await finished.wait()


async def test_raw_receive_of_a_function_tells_of_the_disconnect_too(serve: Serve):
    running, told = asyncio.Event(), asyncio.Event()

    @route(cancel_on_disconnect=True)
    async def signals(request: Request[Any, Any, Any]) -> None:
        await request.receive()
        running.set()
        try:
            message = await request.receive()
        except asyncio.CancelledError:
            told.set()
            raise
        raise AssertionError(message)

    service = await serve(signals)
    _, writer = await service.connect(GET)
    await running.wait()
    writer.close()

    await told.wait()


async def test_replayed_body_is_given_once_and_then_the_disconnect():
    left = asyncio.Event()

    async def receive() -> Message:
        await left.wait()
        return {"type": "http.disconnect"}

    told: list[str] = []
    replay = Replay(b"{}", receive)
    watcher = replay.watch(lambda: told.append("left"))

    assert await replay() == {"type": "http.request", "body": b"{}", "more_body": False}
    left.set()
    assert await replay() == {"type": "http.disconnect"}
    await watcher
    assert told == ["left"]


async def test_replay_that_nobody_watches_reads_on_by_itself():
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    replay = Replay(b"", receive)

    assert [(await replay())["type"], (await replay())["type"]] == ["http.request", "http.disconnect"]

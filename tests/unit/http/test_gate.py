"""The gate in front of a real server: auth, deadline, stream."""

import asyncio
from collections.abc import AsyncIterator

from litestar import Response, get

from runtime.streams import event_stream
from shared.events import Event
from tests.fixtures.gate import Serve, endpoint


class Tick(Event, tag="tick", frozen=True):
    symbol: str
    level: float


async def test_call_without_a_token_is_refused(serve: Serve):
    @get("/signals", opt={"endpoint": endpoint(public=False)})
    async def signals() -> dict[str, str]:
        return {"SPY": "risk-on"}

    service = await serve(signals)
    refused = await service.http.get("/signals")
    passed = await service.http.get("/signals", headers={"Authorization": "Bearer user_1"})

    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert (passed.status_code, passed.json()) == (200, {"SPY": "risk-on"})
    assert [call.auth for call in service.door.seen] == ["token-missing", "session"]


async def test_call_over_its_deadline_is_cancelled_and_answered_with_504(serve: Serve):
    cancelled = asyncio.Event()

    @get("/signals", opt={"endpoint": endpoint(timeout=0.05)})
    async def signals() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    answer = await (await serve(signals)).http.get("/signals")

    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
    assert cancelled.is_set()


async def test_stream_is_typed_events_with_ids_and_one_done(serve: Serve):
    route = endpoint(stream=True)

    async def ticks() -> AsyncIterator[Event]:
        yield Tick(symbol="SPY", level=1.5)
        yield Tick(symbol="GLD", level=-0.5)

    @get("/signals", opt={"endpoint": route})
    async def signals() -> Response[bytes]:
        return event_stream(ticks(), route)

    answer = await (await serve(signals)).http.get("/signals")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.text == (
        ": open\n\n"
        'id: 1\nevent: tick\ndata: {"type":"tick","symbol":"SPY","level":1.5}\n\n'
        'id: 2\nevent: tick\ndata: {"type":"tick","symbol":"GLD","level":-0.5}\n\n'
        'id: 3\nevent: done\ndata: {"type":"done"}\n\n'
    )

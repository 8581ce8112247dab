"""Calls at once, calls that wait, bytes of a body."""

import asyncio
from typing import Any

import pytest

from runtime.gate.bulkhead import Bulkhead
from shared.errors import DeadlineExceeded, Overloaded
from tests.fixtures.gate import Serve, Service, route


class Blocking:
    """A function that waits for `release`; knows how many calls are inside."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    async def __call__(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.set()
        try:
            await self.release.wait()
        finally:
            self.inside -= 1


async def guarded(serve: Serve, function: Blocking, **policy: Any) -> Service:
    @route(**policy)
    async def signals() -> str:
        await function()
        return "done"

    return await serve(signals)


async def test_call_beyond_concurrency_and_queue_is_refused_with_503_and_retry_after(serve: Serve):
    function = Blocking()
    service = await guarded(serve, function, concurrency=1)
    first = asyncio.ensure_future(service.http.get("/signals"))
    await function.entered.wait()
    refused = await service.http.get("/signals")
    function.release.set()

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "1"
    assert (await first).status_code == 200


async def test_calls_that_wait_are_served_in_turn(serve: Serve):
    function = Blocking()
    service = await guarded(serve, function, concurrency=2, queue=10)
    calls = [asyncio.ensure_future(service.http.get("/signals")) for _ in range(10)]
    await function.entered.wait()
    function.release.set()

    assert [(await call).status_code for call in calls] == [200] * 10
    assert function.most == 2


async def test_call_that_waits_beyond_its_deadline_is_answered_with_504(serve: Serve):
    function = Blocking()
    service = await guarded(serve, function, concurrency=1, queue=1)
    first = asyncio.ensure_future(service.http.get("/signals"))
    await function.entered.wait()
    late = await service.http.get("/signals", headers={"Request-Timeout": "0.02"})
    function.release.set()

    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    assert (await first).status_code == 200


async def test_slot_comes_free_after_an_error_and_after_a_timeout(serve: Serve):
    outcomes = iter(["fail", "hang", "answer"])

    @route(concurrency=1, timeout=0.05)
    async def signals() -> str:
        outcome = next(outcomes)
        if outcome == "fail":
            raise ValueError
        if outcome == "hang":
            await asyncio.Event().wait()
        return outcome

    service = await serve(signals)

    assert [(await service.http.get("/signals")).status_code for _ in range(3)] == [500, 504, 200]


async def test_abandoned_call_keeps_its_slot_until_it_ends(serve: Serve):
    release = asyncio.Event()

    @route(concurrency=1, timeout=0.02)
    async def stubborn() -> str:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "done"

    service = await serve(stubborn, grace=0.02)
    abandoned = await service.http.get("/signals")
    refused = await service.http.get("/signals")
    release.set()
    await service.gate.reaper.idle()
    served = await service.http.get("/signals")

    assert [answer.status_code for answer in (abandoned, refused, served)] == [504, 503, 200]


@pytest.mark.parametrize(("origin", "status"), [("signals.py", 503), ("signals.py methods.get", 200)])
async def test_methods_of_a_file_share_the_limit_that_the_file_states(serve: Serve, origin: str, status: int):
    function = Blocking()
    policy: dict[str, Any] = {"concurrency": 1, "origins": {"concurrency": origin}}

    @route("GET", **policy)
    async def read() -> str:
        await function()
        return "read"

    @route("PUT", **policy)
    async def write() -> str:
        return "written"

    service = await serve(read, write)
    first = asyncio.ensure_future(service.http.get("/signals"))
    await function.entered.wait()
    second = await service.http.put("/signals")
    function.release.set()
    await first

    assert second.status_code == status


async def test_bulkhead_tells_its_verdicts_by_error():
    bulkhead = Bulkhead(1, 1)
    now = asyncio.get_running_loop().time()
    await bulkhead.enter(now + 60)
    waiting = asyncio.ensure_future(bulkhead.enter(now + 60))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await bulkhead.enter(now + 60)
    bulkhead.leave()
    await waiting
    with pytest.raises(DeadlineExceeded):
        await bulkhead.enter(now - 1)


async def taking(serve: Serve, **policy: Any) -> Service:
    @route("POST", **policy)
    async def signals(data: dict[str, str]) -> int:
        return len(data["note"])

    return await serve(signals)


def body(size: int) -> bytes:
    """Return a JSON body of exactly `size` bytes."""
    return b'{"note":"%s"}' % (b"x" * (size - 11))


JSON = {"Content-Type": "application/json"}


async def _in_chunks(data: bytes) -> Any:
    for start in range(0, len(data), 50):
        yield data[start : start + 50]


@pytest.mark.parametrize("watch", [False, True])
@pytest.mark.parametrize(("size", "status"), [(100, 200), (101, 413)])
async def test_body_over_its_limit_is_refused_whether_it_tells_its_length_or_not(
    serve: Serve, size: int, status: int, watch: bool
):
    service = await taking(serve, max_body=100, cancel_on_disconnect=watch)
    told = await service.http.post("/signals", content=body(size), headers=JSON)
    chunked = await service.http.post("/signals", content=_in_chunks(body(size)), headers=JSON)

    assert [told.status_code, chunked.status_code] == [status, status]
    if status == 413:
        assert told.json()["code"] == chunked.json()["code"] == "body_too_large"
        assert told.json()["detail"] == "The body exceeds this function's limit of 100 bytes."

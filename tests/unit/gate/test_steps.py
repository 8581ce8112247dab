"""Which steps a policy asks for, and which of them refuses first."""

from typing import Any

import pytest

from runtime.gate.gate import Gate
from tests.fixtures.gate import Serve, TokenIsTheUser, endpoint, route

ALWAYS = ["arrive", "authenticate", "limit body", "call function"]


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ({}, ALWAYS),
        (
            {"rate_limit": "20/minute"},
            ["arrive", "authenticate", "limit rate", "limit body", "call function"],
        ),
        (
            {"cancel_on_disconnect": True},
            ["arrive", "authenticate", "limit body", "read first", "call function"],
        ),
        ({"stream": True}, ["arrive", "authenticate", "limit body", "read first", "call function"]),
        ({"stream": True, "cancel_on_disconnect": False}, ALWAYS),
        ({"idempotent": 60}, ALWAYS),
        ({"idempotent": 60, "method": "POST"}, [*ALWAYS[:3], "repeat answer", "call function"]),
        ({"concurrency": 2}, [*ALWAYS[:3], "take slot", "call function", "give back slot"]),
        (
            {"webhook": "clerk", "public": False, "cancel_on_disconnect": True},
            ["arrive", "limit body", "verify webhook", "call function"],
        ),
    ],
)
def test_endpoint_has_the_steps_that_its_policy_asks_for(asked: dict[str, Any], steps: list[str]):
    caller = TokenIsTheUser()

    made = Gate(caller, {"clerk": caller}).steps(endpoint(**asked))

    assert [name for name, step in made.items() if step is not None] == steps


ME = {"Authorization": "Bearer user_1"}
BAD_TIMEOUT, TOO_LARGE = {"Request-Timeout": "soon"}, b"x" * 11


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (BAD_TIMEOUT, TOO_LARGE, 400),  # before the credential
        ({}, TOO_LARGE, 401),  # before the count and the size
        (ME, TOO_LARGE, 429),  # before the size
    ],
)
async def test_what_is_wrong_in_several_ways_is_refused_by_the_first_step(
    serve: Serve, headers: dict[str, str], body: bytes, status: int
):
    @route("POST", public=False, rate_limit="1/day", max_body=10)
    async def signals() -> None: ...

    service = await serve(signals)
    spent = await service.http.post("/signals", headers=ME)
    refused = await service.http.post("/signals", headers=headers, content=body)

    assert (spent.status_code, refused.status_code) == (204, status)


async def test_body_over_its_limit_is_refused_before_a_slot_is_waited_for(serve: Serve):
    @route("POST", concurrency=1, max_body=10)
    async def signals() -> None: ...

    service = await serve(signals)
    await service.http.post("/signals")  # the first request makes the steps
    slots = service.gate._bulkheads["signals.py", 1, 0]
    await slots.enter(None)
    refused = await service.http.post("/signals", content=TOO_LARGE)
    busy = await service.http.post("/signals")

    assert (refused.status_code, busy.status_code) == (413, 503)

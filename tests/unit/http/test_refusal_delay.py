"""Refusals: a few are sent at once, many are delayed, all of them are sent in the end."""

import asyncio

from runtime.http.refusal_delay import AT_ONCE, RefusalDelay


async def refuse(delay: RefusalDelay, number: int) -> tuple[int, list[asyncio.Task[None]]]:
    """Return how many of so many refusals were sent within the next turns of the loop, and all of them."""
    refusals = [asyncio.create_task(delay.wait()) for _ in range(number)]
    for _ in range(5):
        await asyncio.sleep(0)
    return sum(each.done() for each in refusals), refusals


async def test_of_many_refusals_only_the_first_are_sent_at_once_and_the_others_later():
    at_once, refusals = await refuse(RefusalDelay(), AT_ONCE + 20)
    assert at_once == AT_ONCE
    await asyncio.gather(*refusals)


async def test_a_second_later_the_count_begins_anew():
    delay = RefusalDelay()
    _, refusals = await refuse(delay, AT_ONCE + 20)
    await asyncio.gather(*refusals)
    await asyncio.sleep(1)
    at_once, _ = await refuse(delay, AT_ONCE)
    assert at_once == AT_ONCE

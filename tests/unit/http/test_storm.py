"""Refusals: a few are told at once, those of a storm late, all of them in the end."""

import asyncio

from runtime.http.storm import AT_ONCE, Storm


async def start_of_a_second() -> None:
    await asyncio.sleep(1 - asyncio.get_running_loop().time() % 1)


async def refuse(storm: Storm, number: int) -> tuple[int, list[asyncio.Task[None]]]:
    """Return how many of so many refusals were told within the next turns of the loop, and all of them."""
    told = [asyncio.create_task(storm.pass_by()) for _ in range(number)]
    for _ in range(5):
        await asyncio.sleep(0)
    return sum(each.done() for each in told), told


async def test_of_a_storm_only_the_first_refusals_are_told_at_once_and_the_others_later():
    await start_of_a_second()
    at_once, told = await refuse(Storm(), AT_ONCE + 20)
    assert at_once == AT_ONCE
    await asyncio.gather(*told)


async def test_the_next_second_begins_anew():
    storm = Storm()
    await start_of_a_second()
    _, told = await refuse(storm, AT_ONCE + 20)
    await asyncio.gather(*told)
    await start_of_a_second()
    at_once, _ = await refuse(storm, AT_ONCE)
    assert at_once == AT_ONCE

from msgspec import Struct


class Answer(Struct):
    value: list[complex]


async def get() -> Answer:
    return Answer([])

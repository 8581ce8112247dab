"""A new item."""

from typing import Annotated

from msgspec import Meta, Struct


class NewItem(Struct):
    """An id and a name within limits."""

    id: int
    name: Annotated[str, Meta(min_length=1, max_length=50)]


async def post(data: NewItem) -> NewItem:
    """Return what was sent."""
    return data

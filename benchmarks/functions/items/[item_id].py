"""One item."""

from msgspec import Struct


class Item(Struct):
    """An id and a name."""

    id: int
    name: str


async def get(item_id: int) -> Item:
    """Return the item."""
    return Item(item_id, "SPY")

"""Litestar with nothing on it."""

from typing import Annotated

from litestar import Litestar, get, post
from msgspec import Meta, Struct


class Item(Struct):
    id: int
    name: Annotated[str, Meta(min_length=1, max_length=50)]


@get("/items/{item_id:int}")
async def item(item_id: int) -> Item:
    return Item(item_id, "SPY")


@post("/items", status_code=200)
async def create(data: Item) -> Item:
    return data


app = Litestar([item, create], openapi_config=None, logging_config=None)

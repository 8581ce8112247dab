"""FastAPI with nothing on it."""

from fastapi import FastAPI
from pydantic import BaseModel, Field


class Item(BaseModel):
    id: int
    name: str = Field(min_length=1, max_length=50)


app = FastAPI(openapi_url=None)


@app.get("/items/{item_id}")
async def item(item_id: int) -> Item:
    return Item(id=item_id, name="SPY")


@app.post("/items")
async def create(data: Item) -> Item:
    return data

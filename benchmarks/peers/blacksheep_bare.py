"""BlackSheep with nothing on it."""

from blacksheep import Application, get, json, post
from blacksheep.messages import Request, Response

app = Application()


@get("/items/{item_id}")
async def item(item_id: int) -> Response:
    return json({"id": item_id, "name": "SPY"})


@post("/items")
async def create(request: Request) -> Response:
    return json(await request.json())

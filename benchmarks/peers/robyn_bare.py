"""Robyn with nothing on it; it brings a server of its own, written in Rust."""

import os

from robyn import Request, Robyn

app = Robyn(__file__)


@app.get("/items/:item_id")
async def item(request: Request) -> dict[str, object]:
    return {"id": int(request.path_params["item_id"]), "name": "SPY"}


@app.post("/items")
async def create(request: Request) -> dict[str, object]:
    return dict(request.json())


app.start(host="127.0.0.1", port=int(os.environ["PORT"]))

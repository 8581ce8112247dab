"""Starlette with nothing on it."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def item(request: Request) -> JSONResponse:
    return JSONResponse({"id": int(request.path_params["item_id"]), "name": "SPY"})


async def create(request: Request) -> JSONResponse:
    return JSONResponse(await request.json())


app = Starlette(routes=[Route("/items/{item_id:int}", item), Route("/items", create, methods=["POST"])])

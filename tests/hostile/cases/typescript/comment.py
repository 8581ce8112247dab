# holds: the client compiles, or the file is named
# own: 200,503
from runtime import Function

config = Function(public=True)
from msgspec import Struct


from typing import Annotated
from msgspec import Meta


class T(Struct):
    x: Annotated[str, Meta(extra_json_schema={"format": "*/ export const evil = 1 /*"})]


async def get() -> T | None:
    """Answer."""
    return None

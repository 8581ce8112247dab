# holds: only what the annotation names leaves
# own: 500
from runtime import Function

config = Function(public=True)

from msgspec import Struct


class Public(Struct):
    name: str


class Private(Public):
    password_hash: str


async def get() -> int:
    """Answer."""
    return "x"

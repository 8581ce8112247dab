"""Greet the caller."""

from msgspec import Struct

from runtime import User


class Greeting(Struct):
    """What the app shows."""

    text: str
    user_id: str


async def get(user: User, name: str = "world") -> Greeting:
    """Return a greeting for `name`."""
    return Greeting(f"Hello, {name}!", user.user_id)

# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import asyncio


class Policy(asyncio.DefaultEventLoopPolicy):
    def get_event_loop(self):
        raise SystemExit

    def new_event_loop(self):
        raise SystemExit


asyncio.set_event_loop_policy(Policy())


async def get() -> str:
    """Answer."""
    return "own"

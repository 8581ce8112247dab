# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import socket

s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
s.accept()


async def get() -> str:
    """Answer."""
    return "own"

# holds: the neighbours serve
# own: 200
from runtime import Function

config = Function(public=True)

import subprocess

subprocess.run(["true"], check=True)


async def get() -> str:
    """Answer."""
    return "own"

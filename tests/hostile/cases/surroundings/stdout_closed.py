# holds: output stays open for everybody, the file included
# own: 200
from runtime import Function

config = Function(public=True)

import sys
sys.stdout.close()


async def get() -> str:
    """Answer."""
    print("well")
    return "own"

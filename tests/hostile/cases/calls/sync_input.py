# holds: the neighbours are answered
# own: any
from runtime import Function

config = Function(public=True)


def get() -> str:
    """Answer."""
    return input()

# holds: the neighbours are answered
# own: any
from runtime import Function

config = Function(public=True, timeout=3)


def get() -> str:
    """Answer."""
    while True:
        pass

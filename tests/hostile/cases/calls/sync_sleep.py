# holds: the neighbours are answered
# own: 504
from runtime import Function

config = Function(public=True, timeout=3)


def get() -> str:
    """Answer."""
    import time

    time.sleep(1000)
    return ""

# holds: the neighbours are answered
# own: any
# costs: worker
from runtime import Function

config = Function(public=True, timeout=3)


def get() -> str:
    """Answer."""
    import re

    re.match(r"(a+)+$", "a" * 60 + "b")
    return ""

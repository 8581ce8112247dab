# holds: the neighbours are answered
# own: any
# costs: worker
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))
    return ""

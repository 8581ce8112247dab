# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


class Meta(type):
    def __instancecheck__(cls, other):
        raise SystemExit

    def __str__(cls):
        raise SystemExit


class Bad(Exception, metaclass=Meta):
    def __str__(self):
        raise SystemExit


raise Bad


async def get() -> str:
    """Answer."""
    return "own"

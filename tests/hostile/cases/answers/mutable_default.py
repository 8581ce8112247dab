# holds: a default is fresh in every call
# own: 200
# text: ["leaked"]
from runtime import Function

config = Function(public=True)


async def get(symbols: list[str] = []) -> list[str]:
    """Answer."""
    symbols.append("leaked")
    return symbols

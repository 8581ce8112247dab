"""The stack with two routes more: one that computes, one that holds much data and makes garbage."""

from typing import Any

from peers.fastapi_stack import Session, app

HELD = [{"number": number, "name": str(number)} for number in range(100_000)]


@app.get("/burn")
def burn(_: Session) -> int:
    return sum(number * number % 7 for number in range(200_000))


@app.get("/heap")
async def heap(_: Session) -> int:
    made: list[Any] = []
    for number in range(2_000):
        one: list[Any] = [number]
        one.append(one)
        made.append(one)
    return len(HELD) + len(made)

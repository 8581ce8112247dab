from threading import Event

Event().wait()


async def get() -> str:
    return "ok"

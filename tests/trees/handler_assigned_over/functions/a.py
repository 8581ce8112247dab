async def get() -> str:
    return "ok"


for get in (1, 2):
    pass

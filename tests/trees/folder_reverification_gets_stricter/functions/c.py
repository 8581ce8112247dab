from runtime import Function

config = Function(reverification={"level": "first_factor", "after_minutes": 5})

async def get() -> str:
    return "ok"

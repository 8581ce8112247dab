from runtime import Function

config = Function(reverification={"level": "multi_factor", "after_minutes": 5})

async def get() -> str:
    return "ok"

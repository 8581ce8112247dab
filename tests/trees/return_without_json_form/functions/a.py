async def get() -> complex:
    return 1j

async def delete() -> None:
    return None

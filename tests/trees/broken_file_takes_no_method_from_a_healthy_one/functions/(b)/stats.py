async def delete( -> None:

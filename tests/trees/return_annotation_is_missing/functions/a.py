async def get():
    return 'ok'

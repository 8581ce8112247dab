async def GET() -> str:
    return 'ok'

# holds: the file is quarantined, its neighbours serve
# own: 404,503,405,401
from runtime import Function

config = Function(public=True)


async def gеt() -> str:
    return ''

from litestar.datastructures import UploadFile


async def post(data: UploadFile) -> None:
    return None

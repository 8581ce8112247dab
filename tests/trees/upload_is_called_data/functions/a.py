from litestar.datastructures import UploadFile


async def post(chart: UploadFile) -> None:
    return None

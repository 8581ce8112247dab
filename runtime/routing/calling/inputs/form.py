"""A multipart form, read part by part (RFC 7578).

Litestar's own reader leaves its temporary files open when a part cannot be decoded or the caller leaves.
"""

from collections.abc import AsyncIterator
from typing import Any

from litestar.datastructures import FormMultiDict, UploadFile
from litestar.types import Empty
from litestar.utils.scope.state import ScopeState
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from shared.errors import Malformed

MAX_PARTS = 1000  # as many as a query string may have parameters

type FormParts = dict[str, Any]  # of each name a list of texts and files


async def read_form(pieces: AsyncIterator[bytes], boundary: str) -> FormParts:
    """Return the parts by name, those with a file name as files; on an error none of these stays open.

    Raises:
        Malformed: it is no multipart form, or a field is no text in the encoding that it names.
    """
    form: FormParts = {}
    files: list[UploadFile] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_PARTS) as parser:
            await _read(parser, pieces, form, files)
    except BaseException as error:
        for file in files:
            await file.close()
        if isinstance(error, MultipartError):
            raise Malformed("The body is not valid multipart/form-data.") from None
        if isinstance(error, LookupError | ValueError):  # an unknown encoding, or bytes that are not of it
            raise Malformed("A part of the form cannot be decoded; send text as UTF-8.") from None
        raise
    return form


async def _read(
    parser: PushMultipartParser, pieces: AsyncIterator[bytes], form: FormParts, files: list[UploadFile]
) -> None:
    head: MultipartSegment | None = None
    text = bytearray()
    async for piece in pieces:
        for part in () if parser.closed else parser.parse(piece):
            if isinstance(part, MultipartSegment):
                head, text = part, bytearray()
                if head.filename:
                    files.append(_file(head))
            elif head is None:
                raise Malformed("The body is not valid multipart/form-data.")
            elif part:
                await files[-1].write(part) if head.filename else text.extend(part)
            else:
                await _keep(form, head, files[-1] if head.filename else text)


async def _keep(form: FormParts, head: MultipartSegment, content: UploadFile | bytearray) -> None:
    """Add a part that is complete."""
    if not head.name:
        raise Malformed("A part of the form has no name.")
    if isinstance(content, UploadFile):
        await content.seek(0)
        value: str | UploadFile = content
    else:
        value = content.decode(head.charset or "utf-8")
    form.setdefault(head.name, []).append(value)


def _file(head: MultipartSegment) -> UploadFile:
    return UploadFile(
        content_type=head.content_type or "text/plain",
        filename=head.filename or "",
        headers=dict(head.headerlist),
    )


async def close_form(scope: Any) -> None:
    """Delete what the files of a request took on disk."""
    form = ScopeState.from_scope(scope).form
    if form is not Empty:
        await FormMultiDict.from_form_data(form).close()

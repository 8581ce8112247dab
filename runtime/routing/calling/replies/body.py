"""The body of a content while it is sent: here as a whole, or read in pieces from a file or an iterator."""

import asyncio
import os
import stat
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from runtime.answers import Content
from runtime.routing.calling.answers.representation import OFF_LOOP

PIECE = 256 * 1024  # bytes read of a file at once
WHOLE = 1024 * 1024  # bytes; a file up to here is read at once, so that it can be compressed
PATIENCE = 0.05  # seconds for which pieces of a plain iterator are collected, as each turn of a thread costs

_END: Any = object()


class OpenedBody(Struct, frozen=True, kw_only=True):
    """What is sent.

    Attributes:
        whole: all of it, where it is here.
        length: in bytes, None where nobody knows it before the end.
        tag: a strong entity tag, None without one.
        modified: when a file last changed.
        pieces: reads it from the first byte to the last, both included, or to its end.
    """

    whole: bytes | None = None
    length: int | None = None
    tag: bytes | None = None
    modified: datetime | None = None
    pieces: Callable[[int, int | None], AsyncGenerator[bytes]]


class Unreadable(Exception):
    """A path that cannot be read: its name, and why."""


@asynccontextmanager
async def opened(content: Content, *, tags: bool) -> AsyncIterator[OpenedBody]:
    """Open a content, and close its file or iterator at the end.

    Args:
        content: what a function returned.
        tags: make an entity tag for what has none.

    Raises:
        Unreadable: it is a path that cannot be read.
    """
    body = content.body
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        yield await _here(bytes(body), tags=tags)
    elif isinstance(body, Path):
        file = await asyncio.to_thread(_open, body)
        try:
            yield await _on_disk(file, tags=tags)
        finally:
            await asyncio.to_thread(file.close)  # waits for a read that is under way
    else:
        iterator = _iterator(body)
        try:
            yield OpenedBody(pieces=lambda _first, _last: _sent_on(iterator))
        finally:
            await _close(iterator)
            await _close(body)


async def _here(data: bytes, *, tags: bool) -> OpenedBody:
    async def pieces(first: int, last: int | None) -> AsyncGenerator[bytes]:
        yield data[first : None if last is None else last + 1]

    tag = None
    if tags:
        tag = await asyncio.to_thread(_tag, data) if len(data) >= OFF_LOOP else _tag(data)
    return OpenedBody(whole=data, length=len(data), tag=tag, pieces=pieces)


def _tag(data: bytes) -> bytes:
    return b'"%b"' % blake2b(data, digest_size=12).hexdigest().encode()


def _open(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its other end
            raise Unreadable(path.name, "is no regular file")
        return path.open("rb")
    except FileNotFoundError:
        raise Unreadable(path.name, "does not exist") from None
    except (OSError, ValueError) as error:
        raise Unreadable(path.name, f"cannot be opened ({type(error).__name__})") from None


async def _on_disk(file: BinaryIO, *, tags: bool) -> OpenedBody:
    status = os.fstat(file.fileno())
    length = status.st_size
    tag = b'"%x-%x"' % (status.st_mtime_ns, length) if tags else None
    modified = datetime.fromtimestamp(status.st_mtime, UTC)

    async def pieces(first: int, last: int | None) -> AsyncGenerator[bytes]:
        await asyncio.to_thread(file.seek, first)
        left = (length if last is None else last + 1) - first
        while left:
            piece = await asyncio.to_thread(file.read, min(PIECE, left))
            if not piece:
                raise OSError("A file became shorter while it was sent.")
            left -= len(piece)
            yield piece

    whole = await asyncio.to_thread(file.read, WHOLE) if length <= WHOLE else None
    if whole is not None and len(whole) != length:
        raise OSError("A file changed its length while it was read.")
    return OpenedBody(whole=whole, length=length, tag=tag, modified=modified, pieces=pieces)


def _iterator(body: Any) -> Any:
    if hasattr(body, "__aiter__"):
        return aiter(body)
    return _read(body) if hasattr(body, "read") else iter(body)


def _read(file: Any) -> Iterator[Any]:
    while piece := file.read(PIECE):
        yield piece


async def _sent_on(iterator: Any) -> AsyncGenerator[bytes]:
    """Give the pieces of an iterator as bytes, never an empty one; a plain iterator runs in a thread."""
    if hasattr(iterator, "__anext__"):
        async for piece in iterator:
            if piece:
                yield _encoded(piece)
            await asyncio.sleep(0)  # one that never waits must not keep the loop from everybody else
        return
    while pieces := await asyncio.to_thread(_some, iterator):
        if joined := b"".join(pieces):
            yield joined


def _encoded(piece: Any) -> bytes:
    """Return a piece as bytes.

    Raises:
        TypeError: it is neither text nor bytes.
    """
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes | bytearray | memoryview):  # of a number, `bytes` makes as many zeros
        raise TypeError(f"The pieces of a content are text or bytes, not `{type(piece).__name__}`.")
    return bytes(piece)


def _some(iterator: Iterator[Any]) -> list[bytes]:
    """Return the next pieces of an iterator: as many as make one large one, or come in a moment."""
    pieces: list[bytes] = []
    size, until = 0, time.monotonic() + PATIENCE
    while size < PIECE and (not pieces or time.monotonic() < until):
        piece = next(iterator, _END)
        if piece is _END:
            break
        pieces.append(_encoded(piece))
        size += len(pieces[-1])
    return pieces


async def _close(iterator: Any) -> None:
    with suppress(ValueError):  # it runs in a thread at the moment, and is closed when that lets go of it
        if hasattr(iterator, "aclose"):
            await iterator.aclose()
        elif hasattr(iterator, "close"):
            await asyncio.to_thread(iterator.close)

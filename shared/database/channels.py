"""Notifications of the database (LISTEN) for any number of listeners, over one connection beside the pool.

The connection is opened for the first listener and closed after the last. One that is lost is opened again;
what was sent meanwhile is lost, which each listener is told.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from types import TracebackType
from typing import Self

import asyncpg
from msgspec import Struct

from shared.database.failures import translate
from shared.errors import DatabaseUnavailable

_WAITING = 1000  # notifications that a listener may be behind
_PING_SECONDS = 15.0
_AGAIN_SECONDS = (0.1, 5.0)  # between two tries to connect: first, at most


class Notification(Struct, frozen=True):
    """What NOTIFY sent to a channel.

    Attributes:
        payload: at most 8000 bytes, as the server limits it.
        missed: others may have been sent before it that were not heard: the connection was lost, or the
            listener was too slow. Read the tables again.
    """

    payload: str = ""
    missed: bool = False


class Channels:
    """Every listener of one database.

    Attributes:
        connections: how many are open, 0 or 1.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        self._connect = connect
        self._listeners: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._connection: asyncpg.Connection | None = None
        self._lost = asyncio.Event()
        self._changing = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """How many connections it has open."""
        return int(self._connection is not None and not self._connection.is_closed())

    async def add(self, listener: "Subscription") -> None:
        """Let a listener hear its channel from now on."""
        self._listeners[listener.channel].add(listener)
        try:
            async with self._changing:
                if self._connection is None:
                    self._connection = await self._opened()
                    # A clean context: the end of one caller must not end it for the others.
                    self._keeper = asyncio.get_running_loop().create_task(self._keep(), context=Context())
                if not self._connection.is_closed():  # else it is opened again, and the listener told
                    await self._connection.add_listener(listener.channel, self._notified)
        except BaseException as error:  # noqa: BLE001  it is raised again
            self.remove(listener)
            raise translate(error) from None

    def remove(self, listener: "Subscription") -> None:
        """Let a listener go; the last one closes the connection. Waits for nothing."""
        self._listeners[listener.channel].discard(listener)
        if not any(self._listeners.values()):
            self._close()

    def close(self) -> None:
        """End every listener."""
        for listener in self._all():
            listener.end()
        self._close()

    def _close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        if self._connection is not None:
            self._connection.terminate()
        self._keeper = self._connection = None

    async def _opened(self) -> asyncpg.Connection:
        connection = await self._connect()
        self._lost.clear()
        connection.add_termination_listener(lambda _: self._lost.set())
        return connection

    async def _keep(self) -> None:
        """Open the connection again when it is lost; a silent one is found by asking."""
        wait, most = _AGAIN_SECONDS
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PING_SECONDS):
                    await self._lost.wait()
            self._lost.clear()
            while not await self._answers() and not await self._is_open_again():
                await asyncio.sleep(wait)
                wait = min(wait * 2, most)
            wait, _ = _AGAIN_SECONDS

    async def _answers(self) -> bool:
        async with self._changing:
            try:
                assert self._connection is not None  # noqa: S101  as long as this task runs
                await self._connection.execute("SELECT 1")
            except Exception:  # noqa: BLE001  whatever it was, it does not answer
                return False
            return True

    async def _is_open_again(self) -> bool:
        async with self._changing:
            assert self._connection is not None  # noqa: S101  as above
            self._connection.terminate()
            try:
                self._connection = await self._opened()
                for channel in tuple(self._listeners):
                    await self._connection.add_listener(channel, self._notified)
            except Exception:  # noqa: BLE001  the pool logs why there is no connection
                self._connection.terminate()
                return False
        for listener in self._all():
            listener.hear("", missed=True)
        return True

    def _all(self) -> list["Subscription"]:
        return [listener for channel in self._listeners.values() for listener in channel]

    def _notified(self, _connection: object, _process: int, channel: str, payload: object) -> None:
        for listener in self._listeners.get(channel, ()):
            listener.hear(str(payload))


class Subscription:
    """``async with db.listen("channel") as notifications:``, then ``async for`` one after the other."""

    def __init__(self, channels: Channels, channel: str) -> None:
        self.channel = channel
        self._channels = channels
        self._heard: asyncio.Queue[Notification] = asyncio.Queue()
        self._missed = self._ended = False

    def hear(self, payload: str, *, missed: bool = False) -> None:
        """Take a notification; the oldest one goes when there are too many."""
        if self._heard.qsize() >= _WAITING:
            self._heard.get_nowait()
            self._missed = True
        self._heard.put_nowait(Notification(payload, missed))

    @property
    def waiting(self) -> int:
        """How many notifications it has not taken yet."""
        return self._heard.qsize()

    def end(self) -> None:
        """Let the loop over it end with an error."""
        self._ended = True
        self._heard.put_nowait(Notification(missed=True))

    async def __aenter__(self) -> Self:
        await self._channels.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channels.remove(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification:
        heard = await self._heard.get()
        if self._ended:
            raise DatabaseUnavailable(reason="the service is shutting down")
        missed, self._missed = self._missed or heard.missed, False
        return Notification(heard.payload, missed)

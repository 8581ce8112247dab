"""Load on schedule, whether earlier requests were answered or not, by a client that costs less than what it asks."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple, Self

CONNECTIONS = 256
PATIENCE = 30.0  # seconds for an answer


class Answer(NamedTuple):
    """What came back: the status, a problem's code, and whether the caller was told when to come again."""

    status: int
    code: str
    has_retry_after: bool


class Connection(asyncio.Protocol):
    """One connection of HTTP/1.1, which asks one thing at a time.

    Attributes:
        is_reusable: the server has not said that it ends.
        is_fresh: nothing was asked here before.
    """

    def __init__(self) -> None:
        self.is_reusable = self.is_fresh = True
        self._data = b""
        self._answer: asyncio.Future[Answer] | None = None

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to 127.0.0.1."""
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return the answer.

        Raises:
            ConnectionError: the connection ended before it.
            TimeoutError: it did not come.
        """
        self._data, self._answer = b"", asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(PATIENCE):
            answer = await self._answer
        self.is_fresh = False
        return answer

    def close(self) -> None:
        """Close it."""
        self._transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP has no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end or self._answer is None or self._answer.done():
            return
        status, *lines = head.lower().split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines)
        if len(body) < int(fields[b"content-length"]):
            return
        code = (
            body.partition(b'"code":"')[2].partition(b'"')[0].decode()
            if b"problem" in fields[b"content-type"]
            else ""
        )
        self.is_reusable = fields.get(b"connection") != b"close"
        self._answer.set_result(Answer(int(status.split()[1]), code, b"retry-after" in fields))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the connection ended before the answer"))


class Client:
    """Callers that share connections, as the edge of a platform keeps them.

    Attributes:
        port: where new connections go.
        token: of the next requests.
        again: requests that were sent twice, as the connection had ended when they were sent (RFC 9110, 9.2.2).
    """

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self.again = 0
        self._idle: deque[Connection] = deque()
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def get(self, path: str) -> str:
        """Ask once; return "" for 200, else what was told or went wrong."""
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()
        )
        async with self._room:
            try:
                answer = await self._ask(request)
            except (OSError, TimeoutError) as error:
                return type(error).__name__
        if answer.status == 200:
            return ""
        return f"{answer.status} {answer.code}{'' if answer.has_retry_after else ', no Retry-After'}"

    def close(self) -> None:
        """Close what is idle."""
        for connection in self._idle:
            connection.close()

    async def _ask(self, request: bytes) -> Answer:
        while self._idle:
            connection = self._idle.popleft()
            if connection.is_reusable:
                with contextlib.suppress(ConnectionError):
                    return await self._ask_on(connection, request)
                self.again += 1
        return await self._ask_on(await Connection.open(self.port), request)

    async def _ask_on(self, connection: Connection, request: bytes) -> Answer:
        answer = await connection.ask(request)
        if connection.is_reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer


class Quarter(NamedTuple):
    """A part of a run: what was told how often ("" for 200), and the seconds of each from when it was due."""

    told: Counter[str]
    took: list[float]


async def send(
    client: Client, paths: Sequence[str], *, rate: float, seconds: float, parts: int = 1
) -> list[Quarter]:
    """Send `rate` requests a second for so long, and return what became of them, in parts of equal length."""
    quarters = [Quarter(Counter(), []) for _ in range(parts)]
    count, began = int(rate * seconds), time.perf_counter()

    async def one(number: int) -> None:
        quarter = quarters[number * parts // count]
        quarter.told[await client.get(paths[number % len(paths)])] += 1
        quarter.took.append(time.perf_counter() - began - number / rate)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            early = began + number / rate - time.perf_counter()
            if early > 0:
                await asyncio.sleep(early)
            elif number % 64 == 0:
                await asyncio.sleep(0)
            group.create_task(one(number))
    return quarters


async def capacity(client: Client, paths: Sequence[str], *, callers: int = 32, seconds: float = 5) -> float:
    """Return how many requests a second are answered with 200 when each caller asks as soon as it was answered."""
    end, answered = time.perf_counter() + seconds, 0

    async def call(number: int) -> None:
        nonlocal answered
        while time.perf_counter() < end:
            told = await client.get(paths[number % len(paths)])
            answered += not told
            number += 1

    await asyncio.gather(*(call(number) for number in range(callers)))
    return answered / seconds

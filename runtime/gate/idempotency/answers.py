"""Where first answers are kept: in this process, or in Redis or Valkey for all replicas together.

A key is claimed in one step, so one call alone runs for it. A claim that is not settled before its lease is
over belongs to a call that died: nobody knows what it has done, so nothing runs for that key again.
"""

import time
from collections.abc import Awaitable
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct, msgpack

from shared.errors import Unavailable
from shared.redis_script import RedisScript
from shared.redis_url import RedisUrl
from shared.secret import Secret

STORE_TIMEOUT = 2.0  # seconds

type State = Literal["new", "running", "kept", "lost", "other"]


class FirstAnswer(Struct, frozen=True, array_like=True):
    """An answer, as the function gave it."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes


class KeyState(NamedTuple):
    """What a key stands for: with an answer where one is kept."""

    state: State
    answer: FirstAnswer | None = None


class AnswerStore(Protocol):
    """Where first answers are kept.

    Keys are texts, `token` names one claim, `call` is what was asked for; all times are in seconds.
    """

    async def claim(self, key: str, token: str, call: bytes, *, lease: float, kept: float) -> KeyState:
        """Claim a key for one call, unless it is taken.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...

    async def keep(self, key: str, token: str, answer: FirstAnswer | None, *, kept: float) -> None:
        """Keep the answer of a claim; None for one that nobody knows, so that nothing runs again."""
        ...

    async def release(self, key: str, token: str) -> None:
        """Give a claim back: nothing has run, or it failed."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


def answers_at(url: Secret | None) -> AnswerStore:
    """Return the store at a URL, which connects at the first call; without a URL, this process."""
    if url is None:
        return MemoryAnswers()
    server = RedisUrl(url)
    return RedisAnswers(server.client(timeout=STORE_TIMEOUT), prefix=server.prefix)


class _KeptCall(Struct):
    token: str
    call: bytes
    lease_ends: float
    ends: float
    answer: FirstAnswer | None = None
    is_lost: bool = False


class MemoryAnswers:
    """Keeps them in this process, for development and tests."""

    def __init__(self) -> None:
        self._records: dict[str, _KeptCall] = {}

    async def claim(self, key: str, token: str, call: bytes, *, lease: float, kept: float) -> KeyState:
        """Claim a key; never waits, so no other call comes in between."""
        now = time.monotonic()
        for old in [name for name, record in self._records.items() if record.ends <= now]:
            del self._records[old]
        record = self._records.get(key)
        if record is None:
            self._records[key] = _KeptCall(token, call, now + lease, now + max(kept, lease))
            return KeyState("new")
        if record.call != call:
            return KeyState("other")
        if record.answer:
            return KeyState("kept", record.answer)
        return KeyState("lost" if record.is_lost or record.lease_ends <= now else "running")

    async def keep(self, key: str, token: str, answer: FirstAnswer | None, *, kept: float) -> None:
        """Keep the answer."""
        record = self._records.get(key)
        if record and record.token == token:
            record.answer, record.is_lost, record.ends = answer, answer is None, time.monotonic() + kept

    async def release(self, key: str, token: str) -> None:
        """Give the claim back."""
        record = self._records.get(key)
        if record and record.token == token:
            del self._records[key]

    async def close(self) -> None:
        """Nothing to close."""


# The server's clock, since those of replicas differ; all times are in milliseconds.
_CLAIM = """
local had = redis.call('HMGET', KEYS[1], 'call', 'lease_ends', 'answer')
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
if not had[1] then
  redis.call('HSET', KEYS[1], 'token', ARGV[1], 'call', ARGV[2], 'lease_ends', now + tonumber(ARGV[3]))
  redis.call('PEXPIRE', KEYS[1], math.max(tonumber(ARGV[3]), tonumber(ARGV[4])))
  return {'new'}
end
if had[1] ~= ARGV[2] then return {'other'} end
if had[3] then return {'kept', had[3]} end
if tonumber(had[2]) <= now then return {'lost'} end
return {'running'}
"""
_KEEP = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('HSET', KEYS[1], 'lease_ends', 0)
else
  redis.call('HSET', KEYS[1], 'answer', ARGV[2])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""
_RELEASE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class RedisAnswers:
    """Keeps them in Redis or Valkey."""

    PREFIX = "annex:idempotency:"

    def __init__(self, client: Any, *, prefix: str = "") -> None:
        self._client = client
        self._prefix = prefix + self.PREFIX
        self._claim = RedisScript(client, _CLAIM)
        self._keep = RedisScript(client, _KEEP)
        self._release = RedisScript(client, _RELEASE)

    async def claim(self, key: str, token: str, call: bytes, *, lease: float, kept: float) -> KeyState:
        """Claim a key, by the server's clock."""
        args = [token, call, _milliseconds(lease), _milliseconds(kept)]
        state, *answer = await _reached(self._claim(keys=[self._prefix + key], args=args))
        return KeyState(state.decode(), msgpack.decode(answer[0], type=FirstAnswer) if answer else None)

    async def keep(self, key: str, token: str, answer: FirstAnswer | None, *, kept: float) -> None:
        """Keep the answer, if the claim is still this one."""
        encoded = msgpack.encode(answer) if answer else b""
        await _reached(self._keep(keys=[self._prefix + key], args=[token, encoded, _milliseconds(kept)]))

    async def release(self, key: str, token: str) -> None:
        """Give the claim back, if it is still this one."""
        await _reached(self._release(keys=[self._prefix + key], args=[token]))

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


async def _reached(command: Awaitable[Any]) -> Any:
    try:
        return await command
    except Exception as error:
        raise Unavailable("Answers of earlier calls cannot be looked up at the moment; try again.") from error

"""Rate limits: `"20/minute"` is twenty calls at once, and one more every three seconds.

The algorithm is the generic cell rate (GCRA): one number a caller, exact to the call, no window whose edge
can be played. The number must be read and written in one step, which Litestar's store interface cannot do
(docs/adr/0052-rate-limits.md), so there are two small stores here: this process, and Redis or Valkey.
"""

import ipaddress
import logging
import math
import time
from typing import Any, NamedTuple, Protocol

from runtime.config import Rate
from shared.secret import Secret

logger = logging.getLogger(__name__)

TIMEOUT = 0.25  # seconds for Redis, which is near or of no use here


class Verdict(NamedTuple):
    """What the store says about one call.

    Attributes:
        allowed: the call counts; otherwise it was not counted.
        remaining: calls that could follow at once.
        wait: seconds until one more call is free.
    """

    allowed: bool
    remaining: int
    wait: float


class RateStore(Protocol):
    """Where the count of a caller lives."""

    async def take(self, key: str, rate: Rate) -> Verdict:
        """Count one call of `key` against `rate`, unless it is over."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def rates_at(url: Secret | None) -> "RateStore":
    """Return the store at a `redis://` URL, or one in this process without it; connects at the first call."""
    if url is None:
        return MemoryRates()
    from redis import asyncio as redis

    client = redis.Redis.from_url(
        url.reveal(), socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=None
    )
    return RedisRates(client)


def judge(arrival: float, now: float, rate: Rate) -> tuple[float, Verdict]:
    """Decide about one call.

    Args:
        arrival: theoretical arrival time of the caller's next call, 0 for a new caller.
        now: seconds on the same clock.
        rate: the limit.

    Returns:
        The arrival time to keep, and the verdict.
    """
    step = rate.period / rate.limit
    due = max(arrival, now)
    ahead = due - now + step
    if ahead > rate.period + step * 1e-6:
        return arrival, Verdict(allowed=False, remaining=0, wait=ahead - rate.period)
    remaining = math.floor((rate.period - ahead) / step + 1e-6)
    wait = 0.0 if remaining else ahead + step - rate.period
    return due + step, Verdict(allowed=True, remaining=remaining, wait=wait)


class MemoryRates:
    """Counts in this process: exact for one replica, once for each where there are several."""

    def __init__(self, sweep_at: int = 1024) -> None:
        self._arrivals: dict[str, float] = {}
        self._least_sweep = self._sweep_at = sweep_at

    def __len__(self) -> int:
        return len(self._arrivals)

    async def take(self, key: str, rate: Rate) -> Verdict:
        """Count one call; never waits, so it is one step."""
        now = time.monotonic()
        self._arrivals[key], verdict = judge(self._arrivals.get(key, 0), now, rate)
        if len(self._arrivals) > self._sweep_at:
            self._sweep(now)
        return verdict

    async def close(self) -> None:
        """Hold nothing."""

    def _sweep(self, now: float) -> None:
        """Forget the callers whose whole limit is free again; doubling makes it cheap on average."""
        self._arrivals = {key: arrival for key, arrival in self._arrivals.items() if arrival > now}
        self._sweep_at = max(self._least_sweep, 2 * len(self._arrivals))


# The server's own clock: replicas need not agree on theirs. Fractions travel as text: Lua would cut them.
_TAKE = """
local period = tonumber(ARGV[1])
local step = period / tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
local due = math.max(arrival, now)
local ahead = due - now + step
if ahead > period + step * 0.000001 then
  return {0, 0, tostring(ahead - period)}
end
redis.call('SET', KEYS[1], string.format('%.6f', due + step), 'PX', math.ceil(ahead * 1000))
local remaining = math.floor((period - ahead) / step + 0.000001)
local wait = 0
if remaining == 0 then wait = ahead + step - period end
return {1, remaining, tostring(wait)}
"""


class RedisRates:
    """Counts in Redis or Valkey, one for all replicas.

    While it does not answer, each replica counts for itself: a limit that is too generous for a while harms
    less than a service that refuses everybody, or nobody.
    """

    PREFIX = "annex:rate:"

    def __init__(self, client: Any, *, rest: float = 5.0) -> None:
        """Use a `redis.asyncio.Redis` client whose time-outs are short.

        Args:
            client: owned from here on.
            rest: seconds for which it is left alone after a failure.
        """
        self._client = client
        self._take = client.register_script(_TAKE)
        self._alone = MemoryRates()
        self._rest = rest
        self._ask_again = 0.0

    async def take(self, key: str, rate: Rate) -> Verdict:
        """Count one call in the server, or here while the server is away."""
        if time.monotonic() >= self._ask_again:
            try:
                allowed, remaining, wait = await self._take(
                    keys=[self.PREFIX + key], args=[rate.period, rate.limit]
                )
                return Verdict(bool(allowed), int(remaining), float(wait))
            except Exception as error:  # noqa: BLE001  # whatever ails it, the call goes on
                self._ask_again = time.monotonic() + self._rest
                logger.warning("rate limits count in this process alone: %s", type(error).__name__)
        return await self._alone.take(key, rate)

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()


def caller_of(address: str) -> str:
    """Return what an address is counted as: IPv6 by its /64, of which one caller owns all addresses."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


def headers(rate: Rate, verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """Return the fields that tell a caller where it stands (draft-ietf-httpapi-ratelimit-headers-10)."""
    return [
        (b"ratelimit-policy", b'"default";q=%d;w=%d' % rate),
        (b"ratelimit", b'"default";r=%d;t=%d' % (verdict.remaining, math.ceil(verdict.wait))),
    ]

"""Counting calls against a rate: `20/minute` is twenty calls at once, then one more every three seconds.

The algorithm is GCRA: one number a caller, exact to the call, without a window whose edge can be exploited.
The number must be read and written in one step, which Litestar's store interface cannot do
(docs/adr/0052-rate-limits.md), so there are two small stores here: this process, and Redis or Valkey.
"""

import math
import time
from typing import Any, NamedTuple, Protocol

from runtime.config import Rate
from runtime.gate.outage import Outage
from shared.redis_script import RedisScript
from shared.redis_url import RedisUrl
from shared.secret import Secret

REDIS_TIMEOUT = 0.25  # seconds; a slower Redis would delay every call


class RateDecision(NamedTuple):
    """A store's decision about one call.

    Attributes:
        allowed: the call counts; otherwise it was not counted.
        remaining: calls that could follow at once.
        wait: seconds until one more call is free.
    """

    allowed: bool
    remaining: int
    wait: float


def judge(arrival: float, now: float, rate: Rate) -> tuple[float, RateDecision]:
    """Decide about one call.

    Args:
        arrival: theoretical arrival time of the caller's next call, 0 for a new caller.
        now: seconds on the same clock.
        rate: the limit.

    Returns:
        The arrival time to keep, and the decision.
    """
    step = rate.period / rate.limit
    due = max(arrival, now)
    ahead = due - now + step
    if ahead > rate.period + step * 1e-6:
        return arrival, RateDecision(allowed=False, remaining=0, wait=ahead - rate.period)
    remaining = math.floor((rate.period - ahead) / step + 1e-6)
    wait = 0.0 if remaining else ahead + step - rate.period
    return due + step, RateDecision(allowed=True, remaining=remaining, wait=wait)


class RateStore(Protocol):
    """Where calls are counted."""

    async def take(self, key: str, rate: Rate) -> RateDecision:
        """Count one call of `key`, unless it exceeds `rate`."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


def rates_at(url: Secret | None) -> "RateStore":
    """Return the store at a URL, which connects at the first call; without a URL, this process."""
    if url is None:
        return MemoryRates()
    server = RedisUrl(url)
    return RedisRates(server.client(timeout=REDIS_TIMEOUT), prefix=server.prefix)


class MemoryRates:
    """Counts in this process; each of several replicas counts for itself."""

    def __init__(self, sweep_at: int = 1024) -> None:
        self._arrivals: dict[str, float] = {}
        self._least_sweep = self._sweep_at = sweep_at

    def __len__(self) -> int:
        return len(self._arrivals)

    async def take(self, key: str, rate: Rate) -> RateDecision:
        """Count one call; never waits, so no other call comes between read and write."""
        now = time.monotonic()
        self._arrivals[key], decision = judge(self._arrivals.get(key, 0), now, rate)
        if len(self._arrivals) > self._sweep_at:
            self._sweep(now)
        return decision

    async def close(self) -> None:
        """Nothing to close."""

    def _sweep(self, now: float) -> None:
        """Forget the callers whose whole limit is free again; doubling the size keeps it cheap on average."""
        self._arrivals = {key: arrival for key, arrival in self._arrivals.items() if arrival > now}
        self._sweep_at = max(self._least_sweep, 2 * len(self._arrivals))


# The server's clock, since those of replicas differ. Fractions are returned as text: Lua would truncate them.
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
    """Counts in Redis or Valkey, for all replicas together.

    While it is unavailable, each replica counts for itself: a limit that is too generous for a while is
    better than a service that refuses every caller, or none.
    """

    PREFIX = "annex:rate:"

    def __init__(self, client: Any, *, prefix: str = "", retry_after: float = 5.0) -> None:
        """Use a `redis.asyncio.Redis` client with short timeouts.

        Args:
            client: closed by `close`.
            prefix: of all keys.
            retry_after: seconds after a failure in which it is not asked.
        """
        self._client = client
        self._take = RedisScript(client, _TAKE)
        self._fallback = MemoryRates()
        self._prefix = prefix + self.PREFIX
        self._outage = Outage(retry_after, "rate limits count in this process only")

    async def take(self, key: str, rate: Rate) -> RateDecision:
        """Count one call in the server, or in this process while the server is unavailable."""
        if self._outage.is_over:
            try:
                allowed, remaining, wait = await self._take(
                    keys=[self._prefix + key], args=[rate.period, rate.limit]
                )
                return RateDecision(bool(allowed), int(remaining), float(wait))
            except Exception as error:  # noqa: BLE001  # whatever is wrong, the call goes on
                self._outage.begin(error)
        return await self._fallback.take(key, rate)

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

"""The webhook deliveries that all replicas together have seen, where there is a Redis or Valkey.

Each process knows its own; this is what makes a replay to another one a replay. While the server is
unavailable each process is on its own: a sender that is refused for hours would drop events, and a
function that is called twice must be idempotent in any case.
"""

import logging
import secrets
from typing import Any, Literal

from runtime.auth import Delivery
from runtime.gate.outage import Outage
from shared.errors import Conflict
from shared.redis_script import RedisScript
from shared.redis_url import RedisUrl
from shared.secret import Secret

logger = logging.getLogger(__name__)

TIMEOUT = 0.25  # seconds; a slower server would delay every delivery
KEPT = 3 * 24 * 3600.0  # seconds; the longest of the senders retries for three days

# The server's clock, since those of replicas differ; all times are in milliseconds.
_CLAIM = """
local moment = 'at:' .. ARGV[2]
local had = redis.call('HMGET', KEYS[1], 'state', 'lease_ends', moment)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
if had[1] then
  if ARGV[2] ~= '' and had[3] then return 'replay' end
  if had[1] == 'running' and tonumber(had[2]) > now then return 'running' end
end
redis.call('HSET', KEYS[1], moment, 1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if had[1] == 'done' then return 'done' end
redis.call('HSET', KEYS[1], 'state', 'running', 'lease_ends', now + tonumber(ARGV[3]), 'token', ARGV[1])
return 'new'
"""
_END = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'state', ARGV[2])
"""

type DeliveryState = Literal["new", "running", "replay", "done", "unknown"]


class SharedDeliveries:
    """Claims deliveries for one of all replicas."""

    PREFIX = "annex:webhook:"

    def __init__(self, client: Any, *, prefix: str = "", retry_after: float = 5.0) -> None:
        """Use a `redis.asyncio.Redis` client with short timeouts.

        Args:
            client: closed by `close`.
            prefix: of all keys.
            retry_after: seconds after a failure in which it is not asked.
        """
        self._client = client
        self._claim = RedisScript(client, _CLAIM)
        self._end = RedisScript(client, _END)
        self._prefix = prefix + self.PREFIX
        self._outage = Outage(retry_after, "webhook deliveries are known to one process only")

    async def claim(self, scheme: str, delivery: Delivery, *, lease: float) -> "DeliveryClaim":
        """Claim a delivery that this process has not handled.

        Args:
            scheme: its sender.
            delivery: as it was verified.
            lease: seconds after which a claim belongs to a call that died.

        Raises:
            Conflict: another process has received it, or is handling it.
        """
        key, token = f"{self._prefix}{scheme}:{delivery.id}", secrets.token_hex(8)
        moment = "" if delivery.moment is None else delivery.moment
        args = [token, moment, round(lease * 1000), round(KEPT * 1000)]
        try:
            state: DeliveryState = await self._asked(self._claim, key, args)
        except BaseException:  # the caller has left, and the sender will come again
            delivery.end(succeeded=False)
            raise
        if state in {"replay", "running"}:
            delivery.end(succeeded=False)
            logger.info("webhook.refused", extra={"reason": "replay", "webhook_id": delivery.id})
            raise Conflict("This webhook delivery has already been received.")
        if state == "done":
            delivery.end(succeeded=True)
        return DeliveryClaim(self, key, token, is_done=state == "done")

    async def end(self, key: str, token: str, *, succeeded: bool) -> None:
        """Note how a claimed delivery ended."""
        await self._asked(self._end, key, [token, "done" if succeeded else "failed"])

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    async def _asked(self, script: Any, key: str, args: list[Any]) -> Any:
        if not self._outage.is_over:
            return "unknown"
        try:
            answer = await script(keys=[key], args=args)
        except Exception as error:  # noqa: BLE001  # whatever is wrong, the delivery goes on
            self._outage.begin(error)
            return "unknown"
        return answer.decode() if isinstance(answer, bytes) else answer


class DeliveryClaim:
    """One delivery, claimed for this process.

    Attributes:
        is_done: another process has handled it.
    """

    def __init__(self, deliveries: SharedDeliveries, key: str, token: str, *, is_done: bool) -> None:
        self._deliveries = deliveries
        self._key = key
        self._token = token
        self.is_done = is_done

    async def end(self, *, succeeded: bool) -> None:
        """Report how the function ended."""
        await self._deliveries.end(self._key, self._token, succeeded=succeeded)


def deliveries_at(url: Secret | None) -> SharedDeliveries | None:
    """Return what replicas share at a URL, connected at the first delivery; None without a URL."""
    if url is None:
        return None
    server = RedisUrl(url)
    return SharedDeliveries(server.client(timeout=TIMEOUT), prefix=server.prefix)

"""What the settings of the queue's server can lose."""

from collections.abc import Iterator
from typing import Any

from runtime.commands.finding import Finding
from shared.secret import Secret

KEEPS = "noeviction"


async def check_queue(url: Secret, *, timeout: float) -> list[Finding]:
    """Ask the server how it keeps what is queued."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(url.reveal(), socket_timeout=timeout, socket_connect_timeout=timeout)
    try:
        facts: dict[str, Any] = await client.info("everything")
    except (RedisError, OSError) as error:
        return [Finding("queue", f"does not respond ({type(error).__name__})", is_fault=True)]
    finally:
        await client.aclose()
    return list(_judge(facts))


def _judge(facts: dict[str, Any]) -> Iterator[Finding]:
    name, version = facts.get("server_name", "redis"), facts.get("redis_version", "?")
    yield Finding("queue", f"{name} {facts.get('valkey_version', version)} responds")
    policy = facts.get("maxmemory_policy", KEEPS)
    if policy != KEEPS:
        text = f"maxmemory-policy is {policy}: queued work vanishes when the memory is full; set {KEEPS}"
        yield Finding("queue", text, is_fault=True)
    if facts.get("cluster_enabled"):
        yield Finding("queue", "it is a cluster, which is not supported: name one server", is_fault=True)
    if facts.get("role") == "slave":
        yield Finding("queue", "it is a replica, which takes no work: name the primary", is_fault=True)
    if not facts.get("aof_enabled"):
        text = "appendonly is off: a crash loses what was queued since the last snapshot, or everything"
        yield Finding("queue", f"{text}; set appendonly yes", is_doubt=True)

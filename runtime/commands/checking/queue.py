"""What the settings of the queue's server can lose."""

from collections.abc import Iterator
from ssl import SSLCertVerificationError
from typing import Any

from runtime.commands.finding import Finding
from shared.redis_url import RedisUrl
from shared.secret import Secret

KEEPS = "noeviction"


async def check_queue(url: Secret, *, timeout: float) -> list[Finding]:
    """Ask the server how it keeps what is queued."""
    from redis.exceptions import NoPermissionError, RedisError

    client = RedisUrl(url).client(timeout=timeout)
    try:
        facts: dict[str, Any] = await client.info("everything")
    except NoPermissionError:
        text = "its user may not call INFO, so nobody can tell what it keeps: see docs/work.md"
        return [Finding("queue", text, is_doubt=True)]
    except (RedisError, OSError) as error:
        return [Finding("queue", _refusal(error), is_fault=True)]
    finally:
        await client.aclose()
    return list(_judge(facts))


def _refusal(error: Exception) -> str:
    """Say why a server does not respond, without its address and user."""
    from redis.exceptions import AuthenticationError

    causes, cause = [error], error.__cause__ or error.__context__
    while isinstance(cause, Exception) and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(each, SSLCertVerificationError) for each in causes):
        return "its certificate is not accepted: use the host it names, and ?ssl_ca_certs=FILE for its signer"
    if isinstance(error, AuthenticationError):
        return "it refuses the user and password of REDIS_URL"
    return f"does not respond ({type(error).__name__})"


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

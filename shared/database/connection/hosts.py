"""The hosts of a database URL: how they are written, and what their names reveal."""

import re
from urllib.parse import unquote

from shared.database.connection.target import InvalidDatabaseUrl

_NAME = r"(?:\[[0-9A-Fa-f:.%]+\]|[^:,\[\]]*)"
HOSTLIST = re.compile(rf"{_NAME}(?::\d+)?(?:,{_NAME}(?::\d+)?)*")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::(\d+))?")
_PRIVATE = re.compile(
    r"/.*|localhost|[^.:]+|.*\.(internal|local|localhost)|127\..*|10\..*|192\.168\..*|::1|f[cd].*:.*"
)

type Host = tuple[str, int]


def read_hosts(text: str) -> tuple[Host, ...]:
    """Read ``host:port,host:port``; the default port is 5432.

    Raises:
        InvalidDatabaseUrl: a host or port is malformed.
    """
    return tuple(read_host(part) for part in text.split(",")) if text else ()


def read_host(text: str) -> Host:
    """Read one ``host:port``, as `read_hosts` does."""
    match = _HOST.fullmatch(text)
    if match is None or not 0 < int(match[2] or 5432) < 65536:
        raise InvalidDatabaseUrl("its host or port is malformed; expected host:port, IPv6 in brackets")
    return unquote(match[1].strip("[]")), int(match[2] or 5432)


def is_private(host: str) -> bool:
    """Whether the name is one of a private network, of this machine or of a socket."""
    return _PRIVATE.fullmatch(host) is not None


def is_neon(host: str) -> bool:
    """Whether Neon serves it, whose certificates are publicly trusted."""
    return host.endswith((".neon.tech", ".neon.build"))


def is_pooled(host: str, port: int) -> bool:
    """Whether it is a known transaction pooler: Neon's by its name, Supabase's by its port."""
    neon = "-pooler." in host and is_neon(host)
    return neon or (port == 6543 and host.endswith((".supabase.com", ".supabase.co")))

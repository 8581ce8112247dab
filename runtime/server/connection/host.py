"""The Host field of a request: HTTP/1.1 demands exactly one, and a valid one (RFC 9112, part 3.2).

Nothing here is decided by it. But a proxy in front may decide by the other one of two, so an ambiguous
request is refused.
"""

import re
from functools import lru_cache

from shared.errors import Malformed

HOST_LIMIT = 320  # bytes: the longest name of the DNS and a port; callers must not fill the memory

_ADDRESS = rb"\[[0-9A-Fa-f:.]+\]|\[[Vv][0-9A-Fa-f]+\.[\w\-.~!$&'()*+,;=:]+\]"
_NAME = rb"(?:[\w\-.~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_HOST = re.compile(rb"(?:%b|%b)(?::[0-9]*)?" % (_ADDRESS, _NAME))


@lru_cache(256)
def check_host(version: str, *hosts: bytes) -> None:
    """Refuse a request without exactly one valid Host field; one of HTTP/1.0 may have none.

    What passes is cached, since nearly every request has the host of the one before.

    Raises:
        Malformed: naming what is wrong.
    """
    if len(hosts) != 1 and (hosts or version != "1.0"):
        raise Malformed("The request must have exactly one Host header.")
    if hosts and (len(hosts[0]) > HOST_LIMIT or not _HOST.fullmatch(hosts[0])):
        raise Malformed("The Host header is not a valid host.")

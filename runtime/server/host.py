"""The Host field of a request: HTTP/1.1 demands exactly one, and a valid one (RFC 9112, part 3.2).

Nothing here is decided by it. But whoever stands in front of us may decide by the one of two that we do not
read, and so a request that leaves a choice is none.
"""

import re
from functools import lru_cache

from shared.errors import Malformed

LONGEST = 320  # bytes: the longest name of the DNS and a port; callers must not fill the memory

_ADDRESS = rb"\[[0-9A-Fa-f:.]+\]|\[[Vv][0-9A-Fa-f]+\.[\w\-.~!$&'()*+,;=:]+\]"
_NAME = rb"(?:[\w\-.~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_HOST = re.compile(rb"(?:%b|%b)(?::[0-9]*)?" % (_ADDRESS, _NAME))


@lru_cache(256)
def check_host(version: str, *hosts: bytes) -> None:
    """Refuse a request whose Host fields leave open whom it is for; one of HTTP/1.0 may have none.

    What passes is remembered, for nearly every request is for the same host as the one before.

    Raises:
        Malformed: naming what is wrong.
    """
    if len(hosts) != 1 and (hosts or version != "1.0"):
        raise Malformed("A request needs exactly one Host field.")
    if hosts and (len(hosts[0]) > LONGEST or not _HOST.fullmatch(hosts[0])):
        raise Malformed("The Host field names no host.")

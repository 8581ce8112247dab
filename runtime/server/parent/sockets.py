"""The listening sockets: bound once, by the parent, and shared by every worker.

One socket with one queue, and not one a worker (`SO_REUSEPORT`): a connection that waits for a worker which
dies is accepted by another, and is not reset.
"""

import errno
import socket

BACKLOG = 2048  # connections that may wait
ANY = ("", "::")  # hosts that mean every address, of IPv4 and of IPv6


def bind(host: str, port: int) -> list[socket.socket]:
    """Return bound sockets that do not listen yet, one for each address of `host`.

    Raises:
        OSError: none could be bound, or one is in use.
    """
    asked = None if host in ANY else host
    found = socket.getaddrinfo(asked, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    refused: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            bound.append(_bind(family, kind, protocol, address))
        except OSError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                raise
            refused = error
    if not bound and refused is not None:
        raise refused
    return bound


def refusal(error: OSError, port: int) -> str:
    """Return what is wrong, and the cure."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is already in use; stop the other process or set PORT."
    return f"Cannot listen on port {port}: {error.strerror}. Check HOST and PORT."


def _bind(family: int, kind: int, protocol: int, address: object) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)  # type: ignore[arg-type]  # as getaddrinfo returned it
    except OSError:
        made.close()
        raise
    return made

"""Which proxies to trust about the address and scheme of the caller and the id of the request.

Railway's edge overwrites `X-Real-IP`, `X-Forwarded-Proto` and `X-Railway-Request-Id`; anybody else can forge
them. So they are used only when they come from a network that the settings name; otherwise the address
of the socket is.
"""

import ipaddress
import random
import re
from collections.abc import Iterable
from functools import lru_cache

from runtime.asgi.messages import Scope, header

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")
_NAMES = (b"x-railway-request-id", b"x-request-id")
_SCHEMES = {b"https": "https", b"http": "http"}
_numbers = random.Random()  # noqa: S311  an id has to be unique, not unguessable


def new_request_id() -> str:
    """Return 32 hexadecimal digits."""
    return _numbers.randbytes(16).hex()


class TrustedProxies:
    """The networks whose header fields are trusted."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self.trusts = lru_cache(maxsize=1024)(self._trusts)

    def identify(self, scope: Scope) -> tuple[str, str]:
        """Return the caller's address (`""` on a Unix socket) and the request's id, from the proxy or new.

        What a trusted proxy says of address and scheme is written into `scope` as well, for `Request`.
        """
        peer = scope["client"][0] if scope["client"] else ""
        if not peer or not self.trusts(peer):
            return peer, new_request_id()
        caller = _address(header(scope, b"x-real-ip"))
        if caller:
            scope["client"] = (caller, 0)  # the port that is known is the proxy's
        scheme = _SCHEMES.get(header(scope, b"x-forwarded-proto") or b"")
        if scheme:
            scope["scheme"] = scheme
            # So is the socket's port: a caller that names none has asked for the scheme's.
            scope["server"] = ((scope.get("server") or ("",))[0], 443 if scheme == "https" else 80)
        return caller or peer, _request_id(scope) or new_request_id()

    def _trusts(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self._networks if network.version == mapped.version)


def _address(value: bytes | None) -> str:
    try:
        return str(ipaddress.ip_address((value or b"").decode("ascii", "replace").strip()))
    except ValueError:
        return ""


def _request_id(scope: Scope) -> str:
    for name in _NAMES:
        value = header(scope, name)
        if value is not None and _REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return ""

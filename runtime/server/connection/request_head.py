"""The head of a request as it was read (RFC 9112, parts 3 and 5)."""

from collections.abc import Mapping
from urllib.parse import unquote

import httptools
from msgspec import Struct

from runtime.asgi.messages import Fields, Scope


class RequestHead(Struct, frozen=True):
    """The head of a request.

    Attributes:
        method: as sent.
        path: of the target, percent-encoded.
        query: of the target, without its question mark.
        version: `1.1` or `1.0`.
        fields: names in lower case, values without the space around them.
        keep_alive: the caller wants to send another request.
        expects_continue: the caller waits for `100 Continue` before it sends the body.
        upgrade: what the caller wants to upgrade to, in lower case; empty where it does not.
    """

    method: str
    path: bytes
    query: bytes
    version: str
    fields: Fields
    keep_alive: bool
    expects_continue: bool
    upgrade: bytes

    def scope(self, connection: Mapping[str, object]) -> Scope:
        """Return the ASGI scope, with what belongs to the connection."""
        path = self.path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self.version,
            "method": self.method,
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": self.path,
            "query_string": self.query,
            "headers": self.fields,
            **connection,
        }


def split(target: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a request's target (RFC 9112, 3.2).

    Raises:
        HttpParserInvalidURLError: it is not valid.
    """
    if target.startswith(b"/") and b"#" not in target:
        path, _, query = target.partition(b"?")
        return path, query
    parsed = httptools.parse_url(target)
    return parsed.path, parsed.query or b""

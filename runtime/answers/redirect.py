"""A redirect to another URL."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit, urlunsplit

from runtime.answers.answer import Answer, fields_of
from runtime.answers.cookies import SetCookie

STATUSES = frozenset({301, 302, 303, 307, 308})

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_KEPT = "/:?#[]@!$&'()*+,;=%~"  # what has a meaning in a URL, and what is encoded already


class Redirect(Answer):
    """Sends the caller to another URL, by default with 303: whatever was asked, the answer is there to GET.

    Attributes:
        status: 301, 302, 303, 307 or 308; the last two keep method and body.
        fields: header fields, `Location` among them.
    """

    __slots__ = ("fields", "status")

    def __init__(
        self,
        url: str,
        *,
        status: int = 303,
        headers: Mapping[str, str] = {},
        cookies: Sequence[SetCookie] = (),
    ) -> None:
        """Redirect to `url`.

        Args:
            url: `https://…`, or a path of this service; what no URL may hold is encoded.
            status: 301, 302, 303, 307 or 308.
            headers: sent beside it.
            cookies: set by the browser.

        Raises:
            ValueError: one of them cannot be sent, or the URL is no web address.
        """
        if status not in STATUSES:
            raise ValueError(f"A Redirect has no status {status}: use 301, 302, 303, 307 or 308.")
        self.status = status
        self.fields = [(b"location", location(url)), *fields_of(headers, cookies)]


def location(url: str) -> bytes:
    """Return a URL as it stands in `Location`, in ASCII.

    Raises:
        ValueError: it is empty, of another scheme than http, or leads to another host without a scheme.
    """
    url = url.strip()
    if not url:
        raise ValueError("A Redirect needs a URL; the one given is empty.")
    if _SCHEME.match(url):
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("A Redirect leads to `https://…` or to a path; this URL is of another scheme.")
        host = parts.netloc
        if not host.isascii():
            host = host.encode("idna").decode()
        url = urlunsplit(parts._replace(netloc=host))
    elif url.startswith(("//", "/\\", "\\")):
        raise ValueError("A Redirect to another host needs its scheme; write `https://…`.")
    return quote(url, safe=_KEPT, errors="replace").encode()

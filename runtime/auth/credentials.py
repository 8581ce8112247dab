"""Where a request carries its credential. Pure: headers in, credential out."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from runtime.auth.reasons import Reason
from shared.errors import Unauthenticated

type Headers = Iterable[tuple[bytes, bytes]]

OPAQUE: Final = {b"mt_": "m2m_token", b"oat_": "oauth_token", b"ak_": "api_key"}


class Credential(NamedTuple):
    """What the caller brought.

    Attributes:
        text: the token as sent.
        source: ``header`` or ``cookie``.
    """

    text: bytes
    source: str

    @property
    def opaque_kind(self) -> str | None:
        """The kind of an opaque machine token, None for a JWT."""
        return next((kind for prefix, kind in OPAQUE.items() if self.text.startswith(prefix)), None)


def bearer(headers: Headers) -> bytes | None:
    """Return the bearer token (RFC 6750, 2.1), None without one.

    Another scheme counts as no credential, as in Clerk's SDK. Differences: the case of the scheme does not
    matter (RFC 9110), and a value without a scheme is refused instead of being taken for a token.

    Raises:
        Unauthenticated: ``authorization-malformed``.
    """
    values = [value for name, value in headers if name == b"authorization"]
    if not values:
        return None
    scheme, separator, token = values[0].partition(b" ")
    if len(values) > 1 or not separator:
        raise Unauthenticated(Reason.HEADER_MALFORMED)
    if scheme.lower() != b"bearer" or not token:
        return None
    return token

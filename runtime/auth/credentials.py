"""Where a request carries its token, and which kind an opaque one is. Pure: headers in, token out."""

import re
from collections.abc import Iterable
from typing import Final

from runtime.auth.reasons import Reason
from shared.errors import Unauthenticated

type Headers = Iterable[tuple[bytes, bytes]]

_OPAQUE: Final = {b"mt_": "m2m_token", b"oat_": "oauth_token", b"ak_": "api_key"}
_OPAQUE_FORM: Final = re.compile(rb"(mt_|oat_|ak_)[A-Za-z0-9._~+/=-]{1,1024}")


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
    return token or None if scheme.lower() == b"bearer" else None


def opaque_kind(token: bytes) -> str | None:
    """Return the kind of an opaque machine token, None for anything else."""
    form = _OPAQUE_FORM.fullmatch(token)
    return _OPAQUE[form[1]] if form else None

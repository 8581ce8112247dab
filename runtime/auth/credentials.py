"""Where a request carries its token. Pure: headers in, token out."""

from runtime.asgi.messages import Headers
from runtime.auth.reasons import Reason
from shared.errors import Unauthenticated


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
        came = f"{len(values)} headers" if len(values) > 1 else "a value without a scheme"
        raise Unauthenticated(Reason.HEADER_MALFORMED, expected="one header, `Bearer <token>`", came=came)
    return token or None if scheme.lower() == b"bearer" else None

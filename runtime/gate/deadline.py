"""How long this call may take: the function's own timeout, or less where the caller says so.

The caller's word is `Request-Timeout: <seconds>`, relative, so that nobody's clock has to agree with ours. It
can only shorten (docs/adr/0050-request-timeout-header.md).
"""

import re

from shared.errors import FieldError, Invalid

HEADER = b"request-timeout"

_SECONDS = re.compile(rb"\d{1,6}(\.\d{1,6})?")


def seconds_allowed(timeout: float, asked: bytes | None) -> float:
    """Return the seconds this call has.

    Args:
        timeout: what the function's policy grants.
        asked: the caller's `Request-Timeout` as it came, None without one.

    Raises:
        Invalid: the header is not a positive decimal number of seconds.
    """
    if asked is None:
        return timeout
    wanted = float(asked) if _SECONDS.fullmatch(asked) else 0
    if wanted <= 0:
        raise Invalid(errors=(FieldError("header", "request-timeout", "Expected seconds, such as `2.5`."),))
    return min(timeout, wanted)

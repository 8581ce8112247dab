"""What verification yields: a caller, and the time within which the credential may be used."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runtime.auth.reasons import Reason, shown
from shared.errors import Unauthenticated
from shared.identity import User

ALWAYS = float("-inf")
NEVER = float("inf")
FAR = 1e11  # seconds; a token may claim any number


class Validity(NamedTuple):
    """When a credential may be used, in seconds since the epoch."""

    expires_at: float = NEVER
    not_before: float = ALWAYS
    issued_at: float = ALWAYS

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Validity":
        """Read the times of a token.

        Raises:
            Unauthenticated: ``token-verification-failed`` when `exp` is absent, or one is not a number.
        """
        return cls(_number(claims, "exp"), _number(claims, "nbf", ALWAYS), _number(claims, "iat", ALWAYS))

    def check(self, now: float, skew: float) -> None:
        """Refuse a credential outside of its time.

        Raises:
            Unauthenticated: ``token-expired``, ``token-not-active-yet`` or ``token-iat-in-the-future``.
        """
        expires_at, not_before, issued_at = self
        if expires_at <= now - skew:
            raise _untimely(Reason.EXPIRED, "exp", expires_at, now, skew)
        if not_before > now + skew:
            raise _untimely(Reason.EARLY, "nbf", not_before, now, skew)
        if issued_at > now + skew:
            raise _untimely(Reason.FUTURE, "iat", issued_at, now, skew)


class Verified(NamedTuple):
    """A caller whose signature and fixed claims are good; time and policy are checked at every use."""

    user: User
    validity: Validity


def _number(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    time = claims.get(name, default)
    # A boolean is an int in Python, not in JSON.
    if not isinstance(time, int | float) or isinstance(time, bool):
        raise Unauthenticated(Reason.CLAIMS, expected=f"`{name}` in seconds", came=shown(time))
    return time


def _untimely(reason: Reason, claim: str, time: float, now: float, skew: float) -> Unauthenticated:
    """Return a refusal that tells how far off a time is, whatever number the token has there."""
    expected = f"`{claim}` in the {'future' if reason is Reason.EXPIRED else 'past'}, give or take {skew:g} s"
    distance = max(-FAR, min(FAR, time)) - now
    came = f"{abs(distance):.0f} s {'ago' if distance < 0 else 'from now'}"
    return Unauthenticated(reason, expected=expected, came=came)

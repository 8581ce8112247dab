"""What verification yields: a caller, and the time within which the credential may be used."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runtime.auth.reasons import Reason
from shared.errors import Unauthenticated
from shared.identity import User

ALWAYS = float("-inf")
NEVER = float("inf")


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
        return cls(
            _number(claims.get("exp")), _number(claims.get("nbf", ALWAYS)), _number(claims.get("iat", ALWAYS))
        )

    def check(self, now: float, skew: float) -> None:
        """Refuse a credential outside of its time.

        Raises:
            Unauthenticated: ``token-expired``, ``token-not-active-yet`` or ``token-iat-in-the-future``.
        """
        if self.expires_at <= now - skew:
            raise Unauthenticated(Reason.EXPIRED)
        if self.not_before > now + skew:
            raise Unauthenticated(Reason.EARLY)
        if self.issued_at > now + skew:
            raise Unauthenticated(Reason.FUTURE)


class Verified(NamedTuple):
    """A caller whose signature and fixed claims are good; time and policy are checked at every use."""

    user: User
    validity: Validity


def _number(time: Any) -> float:
    # A boolean is an int in Python, not in JSON.
    if not isinstance(time, int | float) or isinstance(time, bool):
        raise Unauthenticated(Reason.CLAIMS)
    return time

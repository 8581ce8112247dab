"""What a token must say to be believed, in the order of Clerk's own verifier. Pure: the clock is given.

Claims that cannot change are checked once, when the signature is; time is checked at every use.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from runtime.auth.reasons import Reason
from runtime.auth.tokens import OAUTH_TYPES, Token
from shared.errors import Unauthenticated

CLOCK_SKEW: Final = 5.0  # seconds, Clerk's default

_SESSION: Final = "cl_B7d4PD111AAA"
_TEMPLATE: Final = "cl_B7d4PD222AAA"
_MACHINE: Final = "cl_B7d4PD333AAA"
_UNSPECIFIC: Final = "cl_I7d4PD111III"


class Validity(NamedTuple):
    """When a token may be used, in seconds since the epoch; a bound that is absent never refuses."""

    expires_at: float
    not_before: float = float("-inf")
    issued_at: float = float("-inf")

    def check(self, now: float, skew: float) -> None:
        """Refuse a token outside of its time.

        Raises:
            Unauthenticated: ``token-expired``, ``token-not-active-yet`` or ``token-iat-in-the-future``.
        """
        if self.expires_at <= now - skew:
            raise Unauthenticated(Reason.EXPIRED)
        if self.not_before > now + skew:
            raise Unauthenticated(Reason.EARLY)
        if self.issued_at > now + skew:
            raise Unauthenticated(Reason.FUTURE)


class Checks(Struct, frozen=True, kw_only=True):
    """What this service expects of a token.

    Attributes:
        issuer: the only accepted `iss`, None while it is not known.
        authorized_parties: accepted `azp`; empty is unchecked.
        audience: accepted `aud`, for tokens that carry one; empty is unchecked.
        accept_templates: tokens of JWT templates pass as sessions.
        clock_skew: seconds that clocks may differ.
    """

    issuer: str | None = None
    authorized_parties: frozenset[str] = frozenset()
    audience: frozenset[str] = frozenset()
    accept_templates: bool = False
    clock_skew: float = CLOCK_SKEW

    def kind(self, token: Token) -> str:
        """Return ``session``, ``m2m_token`` or ``oauth_token``.

        Raises:
            Unauthenticated: ``token-type-mismatch`` for a class of token that is none of them here.
        """
        category = token.header.get("cat", _UNSPECIFIC)
        subject = token.claims.get("sub")
        if token.header.get("typ") in OAUTH_TYPES:
            return "oauth_token"
        is_machine = isinstance(subject, str) and subject.startswith("mch_")
        if category not in ((_MACHINE, _UNSPECIFIC) if is_machine else self._session_categories()):
            raise Unauthenticated(Reason.KIND)
        return "m2m_token" if is_machine else "session"

    def _session_categories(self) -> tuple[str, ...]:
        usual = (_SESSION, _UNSPECIFIC)
        return (*usual, _TEMPLATE) if self.accept_templates else usual

    def check_session(self, claims: Mapping[str, Any]) -> Validity:
        """Check what never changes about a verified session, and return when it may be used.

        Raises:
            Unauthenticated: with the reason.
        """
        _check_subject(claims)
        self._check_audience(claims.get("aud"))
        if self.authorized_parties and claims.get("azp") not in self.authorized_parties:
            raise Unauthenticated(Reason.PARTY)
        self._check_issuer(claims)
        return validity(claims)

    def _check_audience(self, audience: Any) -> None:
        if not self.audience or not audience:
            return
        named = (audience,) if isinstance(audience, str) else audience
        if not isinstance(named, tuple) or not any(
            isinstance(one, str) and one in self.audience for one in named
        ):
            raise Unauthenticated(Reason.AUDIENCE)

    def _check_issuer(self, claims: Mapping[str, Any]) -> None:
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise Unauthenticated(Reason.ISSUER)


def _check_subject(claims: Mapping[str, Any]) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated(Reason.CLAIMS)


def validity(claims: Mapping[str, Any]) -> Validity:
    """Read the times of a token.

    Raises:
        Unauthenticated: ``token-verification-failed`` when `exp` is absent, or one of them is not a number.
    """
    times = [claims.get("exp"), claims.get("nbf", float("-inf")), claims.get("iat", float("-inf"))]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        raise Unauthenticated(Reason.CLAIMS)
    return Validity(*times)

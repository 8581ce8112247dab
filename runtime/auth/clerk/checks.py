"""What a token must contain to be accepted, in the order of Clerk's own verifier. Pure.

Only claims whose validity does not change are checked here; time and policy are checked at every
use.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

from msgspec import Struct

from runtime.auth.reasons import Reason
from runtime.auth.tokens.signed import OAUTH_TYPES, Token
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated

SESSION_CATEGORY: Final = "cl_B7d4PD111AAA"
TEMPLATE_CATEGORY: Final = "cl_B7d4PD222AAA"
MACHINE_CATEGORY: Final = "cl_B7d4PD333AAA"
UNSPECIFIC_CATEGORY: Final = "cl_I7d4PD111III"


class Checks(Struct, frozen=True, kw_only=True):
    """What this service expects of a token.

    Attributes:
        issuers: accepted `iss` of sessions; empty is unchecked.
        authorized_parties: accepted `azp`; empty is unchecked.
        audience: accepted `aud`, for tokens that carry one; empty is unchecked.
        accept_templates: tokens of JWT templates pass as sessions.
        clock_skew: seconds that clocks may differ.
    """

    issuers: frozenset[str] = frozenset()
    authorized_parties: frozenset[str] = frozenset()
    audience: frozenset[str] = frozenset()
    accept_templates: bool = False
    clock_skew: float = 5

    @classmethod
    def of(cls, clerk: ClerkSettings, *, issuers: frozenset[str]) -> Self:
        """Return what the settings ask for."""
        return cls(
            issuers=issuers,
            authorized_parties=frozenset(clerk.authorized_parties),
            audience=frozenset(clerk.audience),
            accept_templates=clerk.accept_templates,
            clock_skew=clerk.clock_skew,
        )

    def kind(self, token: Token) -> str:
        """Return ``session``, ``m2m_token`` or ``oauth_token``; one instance signs all of them with one key.

        Raises:
            Unauthenticated: ``token-type-mismatch`` for a class of token that is none of them here.
        """
        category = token.header.get("cat")
        if _is_machine(token):
            fits, kind = category in (None, MACHINE_CATEGORY) and not _is_oauth(token), "m2m_token"
        elif _is_oauth(token):
            fits, kind = True, "oauth_token"
        else:
            fits, kind = category in self._session_categories(), "session"
        if not fits:
            raise Unauthenticated(Reason.KIND)
        return kind

    def check(self, kind: str, claims: Mapping[str, Any]) -> None:
        """Check what never changes about a token with a good signature.

        Raises:
            Unauthenticated: with the reason.
        """
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise Unauthenticated(Reason.CLAIMS)
        self._check_audience(claims.get("aud"), required=kind == "oauth_token")
        if kind == "session":
            self._check_party(claims.get("azp"))
            self._check_issuer(claims.get("iss"))

    def check_opaque(self, kind: str, answer: Mapping[str, Any]) -> None:
        """Check what Clerk's answer about an opaque token says of its audience.

        Raises:
            Unauthenticated: ``token-invalid-audience``.
        """
        if kind == "oauth_token":
            self._check_audience(answer.get("aud"), required=True)

    def _session_categories(self) -> tuple[str | None, ...]:
        usual = (None, SESSION_CATEGORY, UNSPECIFIC_CATEGORY)
        return (*usual, TEMPLATE_CATEGORY) if self.accept_templates else usual

    def _check_audience(self, audience: Any, *, required: bool) -> None:
        if not self.audience or not (audience or required):
            return
        named = audience if isinstance(audience, tuple) else (audience,)
        if not any(isinstance(one, str) and one in self.audience for one in named):
            raise Unauthenticated(Reason.AUDIENCE)

    def _check_party(self, party: Any) -> None:
        if self.authorized_parties and not (isinstance(party, str) and party in self.authorized_parties):
            raise Unauthenticated(Reason.PARTY)

    def _check_issuer(self, issuer: Any) -> None:
        if self.issuers and not (isinstance(issuer, str) and issuer in self.issuers):
            raise Unauthenticated(Reason.ISSUER)


def _is_machine(token: Token) -> bool:
    subject = token.claims.get("sub")
    return isinstance(subject, str) and subject.startswith("mch_")


def _is_oauth(token: Token) -> bool:
    return token.header.get("typ") in OAUTH_TYPES

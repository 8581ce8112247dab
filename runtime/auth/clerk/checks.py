"""What a token must contain to be accepted, in the order of Clerk's own verifier. Pure.

Only claims whose validity does not change are checked here; time and policy are checked at every
use.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

from msgspec import Struct

from runtime.auth.reasons import Reason, one_of, shown
from runtime.auth.tokens.signed import OAUTH_TYPES, Token
from runtime.settings.groups.clerk import ClerkSettings
from runtime.settings.origins.origins import compile_origins
from shared.errors import Unauthenticated

SESSION_CATEGORY: Final = "cl_B7d4PD111AAA"
TEMPLATE_CATEGORY: Final = "cl_B7d4PD222AAA"
MACHINE_CATEGORY: Final = "cl_B7d4PD333AAA"
UNSPECIFIC_CATEGORY: Final = "cl_I7d4PD111III"
TEMPLATE: Final = "a JWT template's token"
WITHOUT_PARTY: Final = (
    "Clerk makes tokens without `azp` for mobile apps, on servers, and for a browser's first request; where "
    "those call this service, set `CLERK_ACCEPT_WITHOUT_PARTY=true`."
)


class Checks(Struct, frozen=True, kw_only=True):
    """What this service expects of a token.

    Attributes:
        issuers: accepted `iss` of sessions; empty is unchecked.
        authorized_parties: accepted `azp`; unchecked where there are neither these nor patterns.
        party_patterns: accepted `azp` of preview deployments.
        accept_without_party: a session without `azp` passes.
        audience: accepted `aud`, for tokens that carry one; empty is unchecked.
        accept_templates: tokens of JWT templates pass as sessions.
        clock_skew: seconds that clocks may differ.
    """

    issuers: frozenset[str] = frozenset()
    authorized_parties: frozenset[str] = frozenset()
    party_patterns: re.Pattern[str] | None = None
    accept_without_party: bool = False
    audience: frozenset[str] = frozenset()
    accept_templates: bool = False
    clock_skew: float = 5

    @classmethod
    def of(cls, clerk: ClerkSettings, *, issuers: frozenset[str]) -> Self:
        """Return what the settings ask for."""
        return cls(
            issuers=issuers,
            authorized_parties=frozenset(exact_of(clerk.authorized_parties)),
            party_patterns=patterns_of(clerk.authorized_parties),
            accept_without_party=clerk.accept_without_party,
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
            came = TEMPLATE if category == TEMPLATE_CATEGORY else f"{kind}, `cat` {shown(category)}"
            raise Unauthenticated(Reason.KIND, expected="a token of Clerk's own classes", came=came)
        return kind

    def check(self, kind: str, claims: Mapping[str, Any]) -> None:
        """Check what never changes about a token with a good signature.

        Raises:
            Unauthenticated: with the reason.
        """
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise Unauthenticated(Reason.CLAIMS, expected="`sub` a text", came=shown(claims.get("sub")))
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
            expected = f"`aud` {one_of(self.audience)}"
            raise Unauthenticated(Reason.AUDIENCE, expected=expected, came=shown(audience))

    def _check_party(self, party: Any) -> None:
        if not self.authorized_parties and self.party_patterns is None:
            return
        is_absent = party is None or party == ""
        if self.accept_without_party if is_absent else self._is_authorized(party):
            return
        listed = [*self.authorized_parties, *(["a pattern"] if self.party_patterns else [])]
        cure = WITHOUT_PARTY if is_absent else ""
        raise Unauthenticated(Reason.PARTY, expected=f"`azp` {one_of(listed)}", came=shown(party), cure=cure)

    def _is_authorized(self, party: Any) -> bool:
        if not isinstance(party, str):
            return False
        patterns = self.party_patterns
        return party in self.authorized_parties or (
            patterns is not None and patterns.fullmatch(party) is not None
        )

    def _check_issuer(self, issuer: Any) -> None:
        if self.issuers and not (isinstance(issuer, str) and issuer in self.issuers):
            expected = f"`iss` {one_of(self.issuers)}"
            raise Unauthenticated(Reason.ISSUER, expected=expected, came=shown(issuer))


def exact_of(parties: Iterable[str]) -> Iterator[str]:
    """Yield the authorised parties that are no patterns."""
    return (party for party in parties if "*" not in party)


def patterns_of(parties: Iterable[str]) -> re.Pattern[str] | None:
    """Return one expression for all patterns among the authorised parties, None without any."""
    return compile_origins([party for party in parties if "*" in party]).patterns


def _is_machine(token: Token) -> bool:
    subject = token.claims.get("sub")
    return isinstance(subject, str) and subject.startswith("mch_")


def _is_oauth(token: Token) -> bool:
    return token.header.get("typ") in OAUTH_TYPES

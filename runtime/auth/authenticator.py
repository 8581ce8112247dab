"""Authentication: from the request's headers to a `User`, or a refusal with its reason."""

import asyncio
import logging
import time
from collections.abc import Callable, Container, Mapping
from typing import Any, Final

from runtime.asgi.addresses import caller_of
from runtime.auth.budgets import Budgets
from runtime.auth.credentials import bearer
from runtime.auth.policy import require
from runtime.auth.provider import Identity
from runtime.auth.reasons import Reason
from runtime.auth.verified import Verified
from runtime.config import Policy
from shared.errors import KeysUnavailable, Unauthenticated
from shared.identity import User

logger = logging.getLogger(__name__)

TOKEN_TYPES: Final = ("session", "m2m_token", "oauth_token", "api_key")
PUBLIC_WAIT: Final = 0.25  # seconds that a public function waits for a provider; then nobody is signed in


class Authenticator:
    """Authenticates requests with any provider: bearer token or cookie, validity, token type, policy."""

    def __init__(self, identity: Identity, *, clock: Callable[[], float] = time.time) -> None:
        self._identity = identity
        self._clock = clock
        self._budgets = Budgets()

    async def authenticate(self, scope: Mapping[str, Any], policy: Policy) -> User | None:
        """Return the caller of an ASGI request, None only where the policy is public.

        A public function treats a credential that is not accepted as none, as `auth()` does in the app.

        Raises:
            Unauthenticated: with the reason.
            Forbidden: the caller is known and may not do this.
            KeysUnavailable: the credential cannot be verified now.
        """
        try:
            token, allowed = self._presented(scope, policy)
            verified = self._identity.remembered(token)
            if verified is None:
                verified = await self._verify(token, allowed, policy, _address(scope))
            verified.validity.check(self._clock(), self._identity.clock_skew)
            check_type(verified.user.token_type, allowed)
            require(verified.user, policy)
        except Unauthenticated as refusal:
            # A request without a credential is no event: the access log and the metrics count it.
            if refusal.reason != Reason.MISSING:
                logger.info("auth.refused", extra=_told(refusal))
            if not policy.public:
                raise
        except KeysUnavailable:
            if not policy.public:
                raise
        else:
            return verified.user
        return None

    def _presented(self, scope: Mapping[str, Any], policy: Policy) -> tuple[bytes, Container[str]]:
        """Return the token of a request, and which types it may be of."""
        token = bearer(scope["headers"])
        if token is not None:
            return token, policy.token_types
        # Only a browser sends cookies, and only a session is a browser's.
        token = self._identity.cookie(scope["method"], scope["headers"])
        if token is None:
            raise Unauthenticated(Reason.MISSING)
        return token, {"session"}.intersection(policy.token_types)

    async def _verify(self, token: bytes, allowed: Container[str], policy: Policy, address: str) -> Verified:
        kind = self._identity.asks(token)
        if not kind or not address or kind not in allowed:
            return await self._answer(token, allowed, policy)
        self._budgets.charge(address, kind, token)
        try:
            verified = await self._answer(token, allowed, policy)
        except KeysUnavailable:
            if not policy.public:  # a public function does not wait for the answer, which may be a refusal
                self._budgets.refund(address, kind, token)
            raise
        self._budgets.refund(address, kind, token)
        return verified

    async def _answer(self, token: bytes, allowed: Container[str], policy: Policy) -> Verified:
        if not policy.public:
            return await self._identity.verify(token, allowed)
        try:
            async with asyncio.timeout(PUBLIC_WAIT):
                return await self._identity.verify(token, allowed)
        except TimeoutError:
            raise KeysUnavailable from None


def _address(scope: Mapping[str, Any]) -> str:
    """Return what a request's address counts as, empty where it has none, as on a Unix socket."""
    client = scope.get("client")
    return caller_of(client[0]) if client else ""


def _told(refusal: Unauthenticated) -> dict[str, str]:
    """Return what the log says of a refusal: everything that helps, and nothing of the token's signature."""
    reason = refusal.reason
    cure = refusal.cure or (reason.cure if isinstance(reason, Reason) else "")
    facts = {"reason": str(reason), "expected": refusal.expected, "came": refusal.came, "cure": cure}
    return {name: fact for name, fact in facts.items() if fact}


def check_type(token_type: str, allowed: Container[str]) -> None:
    """Refuse a token type that the function does not accept.

    Raises:
        Unauthenticated: ``token-type-mismatch``.
    """
    if token_type not in allowed:
        expected = (
            " or ".join(kind for kind in TOKEN_TYPES if kind in allowed) or "no credential of this kind"
        )
        raise Unauthenticated(Reason.KIND, expected=expected, came=token_type)

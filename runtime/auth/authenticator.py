"""The door: from the request's headers to a `User`, or a refusal with its reason."""

import logging
import time
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runtime.auth.cache import TokenCache
from runtime.auth.clerk.checks import Checks
from runtime.auth.clerk.cookies import SessionCookies
from runtime.auth.clerk.instance import faults, is_configured, issuer_of, keys_source, warnings
from runtime.auth.clerk.issuer import ISSUER, KEY_FILE, DevelopmentIssuer
from runtime.auth.clerk.machines import OpaqueTokens, caller_of
from runtime.auth.clerk.sessions import user_of
from runtime.auth.clerk.webhooks import Delivery, Webhooks
from runtime.auth.credentials import Headers, bearer, opaque_kind
from runtime.auth.keys import FixedKey, Keys, Patience, RemoteKeys, read_pem
from runtime.auth.outbound import Outbound
from runtime.auth.policy import require
from runtime.auth.reasons import Reason
from runtime.auth.tokens import Token, parse
from runtime.auth.verified import Validity, Verified
from runtime.config import Policy
from runtime.settings import SettingsError
from runtime.settings.variables import ClerkSettings
from shared.errors import KeysUnavailable, Unauthenticated
from shared.identity import Claims, User

logger = logging.getLogger(__name__)


class Authenticator:
    """Verifies callers and webhooks. As a context manager it also keeps the keys fresh (what it `owned`).

    Attributes:
        issuer: signs the tokens that are accepted, in development without Clerk; else None.
    """

    def __init__(  # noqa: PLR0913  # the parts of the door, all by name
        self,
        *,
        keys: Keys,
        checks: Checks,
        cache: TokenCache[Verified],
        webhooks: Webhooks,
        opaque: OpaqueTokens | None = None,
        cookies: SessionCookies | None = None,
        owned: Iterable[AbstractAsyncContextManager[object]] = (),
        issuer: DevelopmentIssuer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._checks = checks
        self._cache = cache
        self._webhooks = webhooks
        self._opaque = opaque
        self._cookies = cookies
        self._owned = tuple(owned)
        self._clock = clock
        self._life = AsyncExitStack()
        self.issuer = issuer

    @classmethod
    def from_settings(
        cls,
        clerk: ClerkSettings,
        *,
        production: bool,
        issuer_file: Path = KEY_FILE,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Build the verifier that the settings describe; nothing is fetched yet.

        Args:
            clerk: the settings.
            production: no development issuer, whatever else.
            issuer_file: the development issuer's key, made when it is used and absent.
            patience: time limits of the key set.
            clock: seconds since the epoch.

        Raises:
            SettingsError: with everything in the settings that cannot be used.
        """
        if found := tuple(faults(clerk, production=production)):
            raise SettingsError(found)
        for warning in warnings(clerk, production=production):
            logger.warning("auth.settings", extra={"variable": warning.name, "problem": warning.problem})
        outbound, cache = Outbound(), TokenCache[Verified]()
        issuer = None if is_configured(clerk) else _development_issuer(clerk, issuer_file)
        keys = FixedKey(issuer.public_key) if issuer else _keys(clerk, outbound, patience, cache.clear)
        return cls(
            keys=keys,
            checks=Checks.of(clerk, issuer=ISSUER if issuer else issuer_of(clerk)),
            cache=cache,
            webhooks=Webhooks(clerk.webhook_secret),
            opaque=OpaqueTokens.of(clerk, outbound),
            cookies=SessionCookies.of(clerk) if clerk.accept_cookies else None,
            owned=(outbound, keys) if isinstance(keys, RemoteKeys) else (outbound,),
            issuer=issuer,
            clock=clock,
        )

    async def __aenter__(self) -> Self:
        for part in self._owned:
            await self._life.enter_async_context(part)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._life.aclose()

    async def authenticate(self, scope: Mapping[str, Any], policy: Policy) -> User | None:
        """Return the caller of an ASGI request, None only where the policy is public.

        A public function takes a credential that is no good for none, as `auth()` does in the app.

        Raises:
            Unauthenticated: with the reason.
            Forbidden: the caller may not do this.
            KeysUnavailable: it cannot be told now.
        """
        try:
            return await self._caller(scope, policy)
        except Unauthenticated as refusal:
            if refusal.reason != Reason.MISSING:  # nobody came; the access line and the metrics have it
                logger.info("auth.refused", extra={"reason": str(refusal.reason)})
            if not policy.public:
                raise
        except KeysUnavailable:
            if not policy.public:
                raise
        return None

    def verify_webhook(self, headers: Headers, body: bytes) -> Delivery:
        """Accept a webhook's delivery or refuse it; see `Webhooks.verify`.

        Raises:
            Invalid: not signed by the sender, or not now.
            Conflict: a replay.
            Unavailable: no signing secret is configured.
        """
        return self._webhooks.verify(headers, body)

    async def _caller(self, scope: Mapping[str, Any], policy: Policy) -> User:
        text = bearer(scope["headers"])
        allowed: Container[str] = policy.token_types
        if text is None:
            # Only a browser sends cookies, and only a session is a browser's.
            text, allowed = self._cookie(scope), {"session"}.intersection(policy.token_types)
        digest = self._cache.digest(text)
        verified = self._cache.get(digest) or await self._verify(text, digest, allowed)
        verified.validity.check(self._clock(), self._checks.clock_skew)
        _check_kind(verified.user.token_type, allowed)
        require(verified.user, policy)
        return verified.user

    def _cookie(self, scope: Mapping[str, Any]) -> bytes:
        text = self._cookies.find(scope["method"], scope["headers"]) if self._cookies else None
        if text is None:
            raise Unauthenticated(Reason.MISSING)
        return text

    async def _verify(self, text: bytes, digest: bytes, allowed: Container[str]) -> Verified:
        """Do what a remembered token is spared: the signature and every claim that never changes."""
        if (kind := opaque_kind(text)) is not None:
            _check_kind(kind, allowed)
            return await self._ask_clerk(kind, text)
        token = parse(text)
        kind = self._checks.kind(token)
        _check_kind(kind, allowed)
        await self._check_signature(token)
        claims = Claims(token.claims)
        self._checks.check(kind, claims)
        validity = Validity.of(claims)
        verified = Verified(user_of(claims) if kind == "session" else caller_of(kind, claims), validity)
        self._cache.put(digest, verified)
        return verified

    async def _ask_clerk(self, kind: str, text: bytes) -> Verified:
        if self._opaque is None:
            raise Unauthenticated(Reason.UNVERIFIABLE)
        verified = await self._opaque.verify(kind, text)
        self._checks.check_opaque(kind, verified.user.claims)
        return verified

    async def _check_signature(self, token: Token) -> None:
        key = await self._keys.find(token.kid)
        if token.is_signed_by(key):
            return
        newer = await self._keys.find_newer(token.kid, than=key)
        if newer is None or not token.is_signed_by(newer):
            raise Unauthenticated(Reason.SIGNATURE)


def _check_kind(kind: str, allowed: Container[str]) -> None:
    if kind not in allowed:
        raise Unauthenticated(Reason.KIND)


def _development_issuer(clerk: ClerkSettings, file: Path) -> DevelopmentIssuer:
    return DevelopmentIssuer.open(file, party=next(iter(clerk.authorized_parties), None))


def _keys(
    clerk: ClerkSettings, outbound: Outbound, patience: Patience | None, on_change: Callable[[], None]
) -> Keys:
    if clerk.jwt_key:
        return FixedKey(read_pem(clerk.jwt_key))
    url, secret = keys_source(clerk)
    return RemoteKeys(url, outbound, secret=secret, patience=patience, on_change=on_change)

"""Clerk's tokens: signed sessions and machine tokens, opaque keys, and the session cookie."""

import logging
from collections.abc import Container, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Self

from runtime.asgi.messages import Headers
from runtime.auth.authenticator import check_type
from runtime.auth.cache import TokenCache
from runtime.auth.clerk.checks import Checks
from runtime.auth.clerk.cookies import SessionCookies
from runtime.auth.clerk.instance import faults, is_configured, issuers_of, keys_source, read_pem, warnings
from runtime.auth.clerk.issuer import ISSUER, KEY_FILE, DevelopmentIssuer
from runtime.auth.clerk.machines import OpaqueTokens, caller_of, opaque_kind
from runtime.auth.clerk.sessions import user_of
from runtime.auth.outbound import Outbound
from runtime.auth.provider import Identity
from runtime.auth.reasons import Reason, shown
from runtime.auth.tokens.key_sets import FixedKey, Keys, KeyTimes, RemoteKeys
from runtime.auth.tokens.keys import KeyState
from runtime.auth.tokens.signed import Token, parse
from runtime.auth.verified import Validity, Verified
from runtime.settings import SettingsError
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated
from shared.identity import Claims

logger = logging.getLogger(__name__)


class ClerkIdentity(Identity):
    """Verifies the tokens of one Clerk instance. As a context manager it also keeps its public keys fresh."""

    def __init__(  # noqa: PLR0913  # the parts, all by name
        self,
        *,
        keys: Keys,
        checks: Checks,
        cache: TokenCache[Verified] | None = None,
        opaque: OpaqueTokens | None = None,
        cookies: SessionCookies | None = None,
        owned: Iterable[AbstractAsyncContextManager[object]] = (),
        issuer: DevelopmentIssuer | None = None,
    ) -> None:
        self.clock_skew = checks.clock_skew
        self.issuer = issuer
        self._keys = keys
        self._checks = checks
        self._cache = TokenCache[Verified]() if cache is None else cache
        self._opaque = opaque
        self._cookies = cookies
        self._owned = tuple(owned)
        self._life = AsyncExitStack()

    @classmethod
    def from_settings(
        cls,
        clerk: ClerkSettings,
        *,
        production: bool,
        issuer_file: Path = KEY_FILE,
        times: KeyTimes | None = None,
    ) -> Self:
        """Build the verifier that the settings describe; nothing is fetched yet.

        Args:
            clerk: the settings.
            production: no development issuer, whatever else.
            issuer_file: the development issuer's key, made when it is used and absent.
            times: limits of the key set.

        Raises:
            SettingsError: with everything in the settings that cannot be used.
        """
        if found := tuple(faults(clerk, production=production)):
            raise SettingsError(found)
        for warning in warnings(clerk, production=production):
            logger.warning("auth.settings", extra={"variable": warning.name, "problem": warning.problem})
        outbound, cache = Outbound(), TokenCache[Verified]()
        issuer = None if is_configured(clerk) else DevelopmentIssuer.of(clerk, issuer_file)
        keys: Keys
        if issuer or clerk.jwt_key:
            keys = FixedKey(issuer.public_key if issuer else read_pem(clerk.jwt_key or ""))
        else:
            url, secret = keys_source(clerk)
            keys = RemoteKeys(url, outbound, secret=secret, times=times, on_change=cache.clear)
        return cls(
            keys=keys,
            checks=Checks.of(clerk, issuers=frozenset({ISSUER}) if issuer else issuers_of(clerk)),
            cache=cache,
            opaque=OpaqueTokens.of(clerk, outbound),
            cookies=SessionCookies.of(clerk) if clerk.accept_cookies else None,
            owned=(outbound, keys) if isinstance(keys, RemoteKeys) else (outbound,),
            issuer=issuer,
        )

    async def __aenter__(self) -> Self:
        for part in self._owned:
            await self._life.enter_async_context(part)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._life.aclose()

    def remembered(self, token: bytes) -> Verified | None:
        """As `Identity.remembered`: signed tokens, until the instance's keys change."""
        return self._cache.get(token)

    def asks(self, token: bytes) -> str | None:
        """As `Identity.asks`: opaque tokens that Clerk has not confirmed lately."""
        kind = opaque_kind(token)
        return None if kind and self._opaque and self._opaque.knows(token) else kind

    def cookie(self, method: str, headers: Headers) -> bytes | None:
        """As `Identity.cookie`: `__session`, where a setting accepts it."""
        return self._cookies.find(method, headers) if self._cookies else None

    def key_state(self) -> KeyState:
        """As `Identity.key_state`."""
        return self._keys.state()

    async def verify(self, token: bytes, allowed: Container[str]) -> Verified:
        """As `Identity.verify`: the signature, and every claim that never changes."""
        if (kind := opaque_kind(token)) is not None:
            check_type(kind, allowed)
            return await self._ask_clerk(kind, token)
        parsed = parse(token)
        kind = self._checks.kind(parsed)
        check_type(kind, allowed)
        await self._check_signature(parsed)
        claims = Claims(parsed.claims)
        self._checks.check(kind, claims)
        validity = Validity.of(claims)
        verified = Verified(user_of(claims) if kind == "session" else caller_of(kind, claims), validity)
        self._cache.put(token, verified)
        return verified

    async def _ask_clerk(self, kind: str, token: bytes) -> Verified:
        if self._opaque is None:
            raise Unauthenticated(Reason.UNVERIFIABLE, came=kind)
        verified = await self._opaque.verify(kind, token)
        self._checks.check_opaque(kind, verified.user.claims)
        return verified

    async def _check_signature(self, token: Token) -> None:
        key = await self._keys.find(token.kid)
        if token.is_signed_by(key):
            return
        newer = await self._keys.find_newer(token.kid, than=key, signature=token.signature)
        if newer is None or not token.is_signed_by(newer):
            expected = "the signature of the instance's key"
            raise Unauthenticated(Reason.SIGNATURE, expected=expected, came=f"`kid` {shown(token.kid)}")

"""The door: from the request's headers to a `User`, or a refusal with its reason."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from runtime.auth.cache import TokenCache
from runtime.auth.checks import Checks, Validity
from runtime.auth.credentials import bearer
from runtime.auth.instance import faults, frontend_host, is_configured, issuer_of
from runtime.auth.issuer import ISSUER, KEY_FILE, DevelopmentIssuer
from runtime.auth.keys import FixedKey, Keys, Patience, RemoteKeys, read_pem
from runtime.auth.policy import require
from runtime.auth.reasons import Reason
from runtime.auth.sessions import user_of
from runtime.auth.tokens import Token, parse
from runtime.config import Policy
from runtime.settings import SettingsError
from runtime.variables import ClerkSettings
from shared.errors import KeysUnavailable, Unauthenticated
from shared.identity import Claims, User

logger = logging.getLogger(__name__)


class Verified(NamedTuple):
    """A credential whose signature and fixed claims are good; time and policy are still to be checked."""

    user: User
    validity: Validity


class Authenticator:
    """Verifies callers. As a context manager it also keeps the keys fresh.

    Attributes:
        issuer: signs the tokens that are accepted, in development without Clerk; else None.
    """

    def __init__(
        self,
        keys: Keys,
        checks: Checks,
        *,
        cache: TokenCache[Verified],
        client: httpx.AsyncClient | None = None,
        issuer: DevelopmentIssuer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._checks = checks
        self._cache = cache
        self._client = client
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
        client = httpx.AsyncClient()
        cache = TokenCache[Verified]()
        issuer = None if is_configured(clerk) else DevelopmentIssuer.open(issuer_file)
        checks = Checks(
            issuer=ISSUER if issuer else issuer_of(clerk),
            authorized_parties=frozenset(clerk.authorized_parties) if issuer is None else frozenset(),
            audience=frozenset(clerk.audience),
            accept_templates=clerk.accept_templates,
        )
        keys = FixedKey(issuer.public_key) if issuer else _keys(clerk, client, patience, cache.clear)
        return cls(keys, checks, cache=cache, client=client, issuer=issuer, clock=clock)

    async def __aenter__(self) -> Self:
        if self._client is not None:
            await self._life.enter_async_context(self._client)
        if isinstance(self._keys, RemoteKeys):
            await self._life.enter_async_context(self._keys)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._life.aclose()

    async def authenticate(self, scope: Mapping[str, Any], policy: Policy) -> User | None:
        """Return the caller of an ASGI request, None only where the policy is public.

        A public function takes a bad credential for none, as `auth()` does in the app.

        Raises:
            Unauthenticated: with the reason.
            Forbidden: the caller may not do this.
            KeysUnavailable: it cannot be told now.
        """
        try:
            return await self._caller(scope, policy)
        except (Unauthenticated, KeysUnavailable):
            if policy.public:
                return None
            raise

    async def _caller(self, scope: Mapping[str, Any], policy: Policy) -> User:
        token = bearer(scope["headers"])
        if token is None:
            raise Unauthenticated(Reason.MISSING)
        verified = await self._verified(token)
        verified.validity.check(self._clock(), self._checks.clock_skew)
        if verified.user.token_type not in policy.token_types:
            raise Unauthenticated(Reason.KIND)
        require(verified.user, policy)
        return verified.user

    async def _verified(self, text: bytes) -> Verified:
        digest = self._cache.digest(text)
        if (known := self._cache.get(digest)) is not None:
            return known
        token = parse(text)
        self._checks.kind(token)
        await self._check_signature(token)
        claims = Claims(token.claims)
        validity = self._checks.check_session(claims)
        verified = Verified(user_of(claims), validity)
        self._cache.put(digest, verified)
        return verified

    async def _check_signature(self, token: Token) -> None:
        key = await self._keys.find(token.kid)
        if token.is_signed_by(key):
            return
        newer = await self._keys.find_newer(token.kid, than=key)
        if newer is None or not token.is_signed_by(newer):
            raise Unauthenticated(Reason.SIGNATURE)


def _keys(
    clerk: ClerkSettings, client: httpx.AsyncClient, patience: Patience | None, on_change: Callable[[], None]
) -> Keys:
    if clerk.jwt_key:
        return FixedKey(read_pem(clerk.jwt_key))
    secret = None
    if clerk.jwks_url:
        url = clerk.jwks_url
    elif clerk.publishable_key:
        url = f"https://{frontend_host(clerk.publishable_key)}/.well-known/jwks.json"
    else:
        url, secret = f"{clerk.api_url}/v1/jwks", clerk.secret_key
    return RemoteKeys(url, client, secret=secret, patience=patience, on_change=on_change)

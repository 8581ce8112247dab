"""Callers that are not people: machines (M2M), OAuth clients, API keys.

Their JWTs are signed by the instance's keys; `caller_of` only reads the claims. Opaque tokens mean nothing
without Clerk's Backend API: `OpaqueTokens` asks it, keeps answers briefly, and sends few requests
at once, so that invented tokens cannot use up Clerk's rate limit.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, Self

import msgspec
from msgspec import Struct

from runtime.auth.cache import TokenCache
from runtime.auth.foreign import json_object
from runtime.auth.outbound import NoResponse, Outbound, OutboundResponse
from runtime.auth.reasons import Reason
from runtime.auth.verified import NEVER, Validity, Verified
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import KeysUnavailable, Unauthenticated
from shared.identity import Claims, Organization, User
from shared.secret import Secret

logger = logging.getLogger(__name__)

_ANSWER_BYTES: Final = 64 * 1024
_SECRET_MEMBERS: Final = ("token", "secret")
_ENDPOINTS: Final = {
    "m2m_token": ("/v1/m2m_tokens/verify", "token"),
    "oauth_token": ("/v1/oauth_applications/access_tokens/verify", "access_token"),
    "api_key": ("/v1/api_keys/verify", "secret"),
}

_OPAQUE: Final = {b"mt_": "m2m_token", b"oat_": "oauth_token", b"ak_": "api_key"}
_OPAQUE_FORM: Final = re.compile(rb"(mt_|oat_|ak_)[A-Za-z0-9._~+/=-]{1,1024}")


def opaque_kind(token: bytes) -> str | None:
    """Return the kind of an opaque machine token, None for anything else."""
    form = _OPAQUE_FORM.fullmatch(token)
    return _OPAQUE[form[1]] if form else None


def caller_of(kind: str, claims: Claims) -> User:
    """Return the principal of a verified machine JWT; `claims` have a string `sub` and a numeric `exp`."""
    return User(
        user_id=claims["sub"],
        token_type=kind,
        scopes=_scopes(kind, claims),
        actor=_actor(claims.get("act"), nested=1) if kind == "oauth_token" else None,
        expires_at=claims["exp"],
        claims=claims,
    )


def _scopes(kind: str, claims: Mapping[str, Any]) -> frozenset[str]:
    names = ("scopes", "aud") if kind == "m2m_token" else ("scp", "scope")
    value = next((claims[name] for name in names if claims.get(name) is not None), ())
    if isinstance(value, str):
        value = value.split(" ")
    elif not isinstance(value, tuple):
        return frozenset()  # as with sessions: a claim of another type grants nothing
    return frozenset(scope for scope in value if isinstance(scope, str) and scope)


def _actor(act: Any, *, nested: int) -> Claims | None:
    """Read who acts for whom (RFC 8693, 4.1), two levels deep and no further."""
    if not isinstance(act, dict) or not isinstance(act.get("sub"), str):
        return None
    members = {name: act[name] for name in ("iss", "sub") if isinstance(act.get(name), str)}
    deeper = _actor(act.get("act"), nested=nested - 1) if nested else None
    return Claims(members | {"act": deeper} if deeper else members)


class MachineToken(Struct):
    """What the Backend API says about an opaque token; times in milliseconds."""

    subject: str = ""
    scopes: list[str] | None = None
    revoked: bool = False
    expired: bool = False
    active: bool = True
    expiration: float | None = None


class Remembered(NamedTuple):
    """An answer, None for a token that is not accepted, and the monotonic time until which it holds."""

    verified: Verified | None
    until: float


class OpaqueTokens:
    """Asks the Backend API about opaque tokens.

    Args:
        outbound: sends the requests.
        api_url: the Backend API's base.
        secrets: the secret key of this service, by kind of token; without one no request is sent.
        timeout: seconds for one answer, waiting for a turn included.
        remember: seconds an answer is kept; a revocation takes as long to be noticed.
        at_once: questions under way.
        clock: monotonic seconds.
    """

    def __init__(  # noqa: PLR0913  # one place, all by name
        self,
        outbound: Outbound,
        api_url: str,
        *,
        secrets: Mapping[str, Secret],
        timeout: float = 3,
        remember: float = 60,
        at_once: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbound = outbound
        self._api_url = api_url.rstrip("/")
        self._secrets = secrets
        self._timeout = timeout
        self._remember = remember
        self._slots = asyncio.Semaphore(at_once)
        self._clock = clock
        # Apart, so that invented tokens push out one another and nobody else.
        self._accepted, self._refused = TokenCache[Remembered](), TokenCache[Remembered]()
        self._requests: dict[bytes, asyncio.Task[Verified | None]] = {}

    @classmethod
    def of(cls, clerk: ClerkSettings, outbound: Outbound) -> Self:
        """Return them with the secret keys that the settings have."""
        secrets = {
            "m2m_token": clerk.machine_secret_key or clerk.secret_key,
            "oauth_token": clerk.secret_key,
            "api_key": clerk.secret_key,
        }
        known = {kind: secret for kind, secret in secrets.items() if secret is not None}
        return cls(outbound, clerk.api_url, secrets=known)

    async def verify(self, kind: str, token: bytes) -> Verified:
        """Return the principal of an opaque token.

        Raises:
            Unauthenticated: ``token-invalid``, or ``token-type-not-configured`` where no secret key is set.
            KeysUnavailable: Clerk does not answer, or does not accept our secret key.
        """
        if kind not in self._secrets:
            raise Unauthenticated(Reason.UNVERIFIABLE)
        known = self._recall(token)
        verified = known.verified if known else await self._request_once(kind, token)
        if verified is None:
            raise Unauthenticated(Reason.INVALID)
        return verified

    def _recall(self, token: bytes) -> Remembered | None:
        for answers in (self._accepted, self._refused):
            known = answers.get(token)
            if known is not None and self._clock() < known.until:
                return known
        return None

    async def _request_once(self, kind: str, token: bytes) -> Verified | None:
        digest = self._accepted.digest(token)
        task = self._requests.get(digest)
        if task is None:
            task = self._requests[digest] = asyncio.create_task(
                self._request(kind, token), name="opaque-token"
            )
            task.add_done_callback(partial(self._forget, digest))
        return await asyncio.shield(task)

    def _forget(self, digest: bytes, task: asyncio.Task[Verified | None]) -> None:
        del self._requests[digest]
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would log it when everybody who waited has left

    async def _request(self, kind: str, token: bytes) -> Verified | None:
        path, member = _ENDPOINTS[kind]
        try:
            async with asyncio.timeout(self._timeout), self._slots:
                response = await self._outbound.ask(
                    f"{self._api_url}{path}",
                    json={member: token.decode("ascii")},
                    headers={"authorization": f"Bearer {self._secrets[kind].reveal()}"},
                    timeout=self._timeout,
                    limit=_ANSWER_BYTES,
                )
        except (TimeoutError, NoResponse) as fault:
            logger.warning(
                "auth.machine.unanswered",
                extra={"kind": kind, "cause": str(fault) or "too many verifications at once"},
            )
            raise KeysUnavailable from None
        verified = _read_answer(kind, response)
        answers = self._refused if verified is None else self._accepted
        answers.put(token, Remembered(verified, self._clock() + self._remember))
        return verified


def _read_answer(kind: str, response: OutboundResponse) -> Verified | None:
    if response.status in {400, 404, 410, 422}:
        return None
    if response.status != 200:
        # 401 and 403 are about our secret key: the caller has done nothing wrong.
        logger.error("auth.machine.refused", extra={"kind": kind, "status": response.status})
        raise KeysUnavailable(retry_after=30)
    members = json_object(response.body)
    try:
        answer = msgspec.convert(members, MachineToken)
    except msgspec.ValidationError:
        logger.error("auth.machine.unreadable", extra={"kind": kind})  # noqa: TRY400  # the text is Clerk's
        raise KeysUnavailable(retry_after=30) from None
    if answer.revoked or answer.expired or not answer.active or not answer.subject:
        return None
    kept = {name: value for name, value in (members or {}).items() if name not in _SECRET_MEMBERS}
    return _principal(kind, answer, Claims(kept))


def _principal(kind: str, answer: MachineToken, claims: Claims) -> Verified:
    expires_at = NEVER if answer.expiration is None else answer.expiration / 1000
    user = User(
        user_id=answer.subject,
        token_type=kind,
        organization=Organization(answer.subject) if answer.subject.startswith("org_") else None,
        scopes=frozenset(answer.scopes or ()),
        expires_at=0 if answer.expiration is None else expires_at,
        claims=claims,
    )
    return Verified(user, Validity(expires_at))

"""Callers that are not people: machines (M2M), OAuth clients, API keys.

Their JWTs are signed by the instance's keys; `caller_of` only reads the claims. Opaque tokens mean nothing
without Clerk's Backend API: `OpaqueTokens` asks it, keeps answers briefly, and sends few requests at once for
each kind, so that invented tokens cannot use up Clerk's rate limit. Tokens that Clerk has accepted before do
not queue with those that nobody knows, and are served from the last answer while Clerk gives none.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, Self

from runtime.auth.cache import TokenCache
from runtime.auth.clerk.machine_answers import read_answer
from runtime.auth.outbound import NoResponse, Outbound
from runtime.auth.reasons import Reason
from runtime.auth.verified import Verified
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import KeysUnavailable, Unauthenticated
from shared.identity import Claims, User
from shared.secret import Secret
from shared.throttle import Throttle

logger = logging.getLogger(__name__)

_ANSWER_BYTES: Final = 64 * 1024
WAITING: Final = 12  # requests that may wait for each one under way: as many as the timeout lets through
PAUSE: Final = 5.0  # seconds before Clerk is asked again about a token that it gave no answer about
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


class Remembered(NamedTuple):
    """An answer, None for a token that is not accepted, and monotonic times: fresh until, of use until."""

    verified: Verified | None
    until: float
    last: float


class Lane:
    """Requests of one sort: so many under way, so many waiting, and the next one refused at once."""

    def __init__(self, at_once: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._room = at_once * (1 + WAITING)

    async def __aenter__(self) -> None:
        if not self._room:
            raise KeysUnavailable
        self._room -= 1
        try:
            await self._slots.acquire()
        except BaseException:
            self._room += 1
            raise

    async def __aexit__(self, *exc: object) -> None:
        self._room += 1
        self._slots.release()


class OpaqueTokens:
    """Asks the Backend API about opaque tokens.

    Args:
        outbound: sends the requests.
        api_url: the Backend API's base.
        secrets: the secret key of this service, by kind of token; without one no request is sent.
        timeout: seconds for one answer, waiting for a turn included.
        patience: seconds that a token which was accepted before waits for a newer answer.
        remember: seconds an answer is kept; a revocation takes as long to be noticed.
        last: seconds the last good answer is of use while there is no newer one.
        at_once: questions of one kind under way.
        clock: monotonic seconds.
    """

    def __init__(  # noqa: PLR0913  # one place, all by name
        self,
        outbound: Outbound,
        api_url: str,
        *,
        secrets: Mapping[str, Secret],
        timeout: float = 3,
        patience: float = 0.5,
        remember: float = 60,
        last: float = 600,
        at_once: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbound = outbound
        self._api_url = api_url.rstrip("/")
        self._secrets = secrets
        self._timeout = timeout
        self._patience = patience
        self._remember = remember
        self._last = last
        self._clock = clock
        self._lanes = {(kind, known): Lane(at_once) for kind in secrets for known in (True, False)}
        # Apart, so that invented tokens push out one another and nobody else.
        self._accepted, self._refused = TokenCache[Remembered](), TokenCache[Remembered]()
        self._requests: dict[bytes, asyncio.Task[Verified | None]] = {}
        self._reports = Throttle(seconds=10)

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

    def knows(self, token: bytes) -> bool:
        """Whether Clerk has accepted a token lately, or has just refused it: nobody pays for asking again."""
        return self._useful(token) is not None or self._fresh(token) is not None

    async def verify(self, kind: str, token: bytes) -> Verified:
        """Return the principal of an opaque token.

        Raises:
            Unauthenticated: ``token-invalid``, or ``token-type-not-configured`` where no secret key is set.
            KeysUnavailable: Clerk does not answer, or does not accept our secret key.
        """
        if kind not in self._secrets:
            raise Unauthenticated(Reason.UNVERIFIABLE, expected="a secret key in the settings", came=kind)
        known = self._fresh(token)
        verified = known.verified if known else await self._renewed(kind, token, self._useful(token))
        if verified is None:
            raise Unauthenticated(Reason.INVALID, expected="a token that Clerk accepts", came=kind)
        return verified

    def _fresh(self, token: bytes) -> Remembered | None:
        for answers in (self._accepted, self._refused):
            known = answers.get(token)
            if known is not None and self._clock() < known.until:
                return known
        return None

    def _useful(self, token: bytes) -> Remembered | None:
        known = self._accepted.get(token)
        return known if known is not None and self._clock() < known.last else None

    async def _renewed(self, kind: str, token: bytes, last: Remembered | None) -> Verified | None:
        if last is None:
            return await self._request_once(kind, token, known=False)
        try:
            async with asyncio.timeout(self._patience):
                return await self._request_once(kind, token, known=True)
        except (TimeoutError, KeysUnavailable):
            # Not for every call anew: a few seconds pass before Clerk is asked again.
            kept = last._replace(until=min(self._clock() + PAUSE, last.last))
            if self._accepted.get(token) == last:
                self._accepted.put(token, kept)
            return last.verified

    async def _request_once(self, kind: str, token: bytes, *, known: bool) -> Verified | None:
        digest = self._accepted.digest(token)
        task = self._requests.get(digest)
        if task is None:
            task = self._requests[digest] = asyncio.create_task(
                self._request(kind, token, self._lanes[kind, known]), name="opaque-token"
            )
            task.add_done_callback(partial(self._forget, digest))
        return await asyncio.shield(task)

    def _forget(self, digest: bytes, task: asyncio.Task[Verified | None]) -> None:
        del self._requests[digest]
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would log it when everybody who waited has left

    async def _request(self, kind: str, token: bytes, lane: Lane) -> Verified | None:
        path, member = _ENDPOINTS[kind]
        try:
            async with asyncio.timeout(self._timeout), lane:
                response = await self._outbound.ask(
                    f"{self._api_url}{path}",
                    json={member: token.decode("ascii")},
                    headers={"authorization": f"Bearer {self._secrets[kind].reveal()}"},
                    timeout=self._timeout,
                    limit=_ANSWER_BYTES,
                )
        except (TimeoutError, NoResponse, KeysUnavailable) as fault:
            self._report(
                kind, str(fault) if isinstance(fault, NoResponse) else "too many verifications at once"
            )
            raise KeysUnavailable from None
        verified = read_answer(kind, response)
        self._keep(token, verified)
        return verified

    def _keep(self, token: bytes, verified: Verified | None) -> None:
        now = self._clock()
        if verified is None:
            self._accepted.drop(token)
            self._refused.put(token, Remembered(None, now + self._remember, now + self._remember))
        else:
            self._accepted.put(token, Remembered(verified, now + self._remember, now + self._last))

    def _report(self, kind: str, cause: str) -> None:
        left_out = self._reports.admit()
        if left_out is not None:
            extra = {"kind": kind, "cause": cause, "left_out": left_out}
            logger.warning("auth.machine.unanswered", extra=extra)

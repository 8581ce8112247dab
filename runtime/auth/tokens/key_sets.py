"""The public keys that tokens are verified with: one fixed key, or a provider's JWKS (RFC 7517).

A key set belongs to one instance: a Clerk `kid` is the instance's id, so a set shared by `kid` alone would
accept another instance's tokens. The set is renewed in the background; while the provider cannot be reached,
the last good one is used for a stated time. A token whose key is not known causes a fetch; of many, a few do,
and the others are answered 503, because their key may be new.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from runtime.auth.cache import TokenCache
from runtime.auth.outbound import NoResponse, Outbound
from runtime.auth.reasons import Reason, shown
from runtime.auth.tokens.keys import KeySetError, KeyState, read_key_set
from shared.errors import KeysUnavailable, Unauthenticated
from shared.secret import Secret
from shared.throttle import Throttle

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 64 * 1024
FETCHES: Final = 10  # that tokens may cause within `KeyTimes.cooldown`


class Keys(Protocol):
    """Where a token's key is found."""

    async def find(self, kid: str | None) -> RSAPublicKey:
        """Return the key of that name.

        Raises:
            Unauthenticated: ``jwk-kid-mismatch``: the instance has no such key.
            KeysUnavailable: the keys cannot be fetched now.
        """

    async def find_newer(
        self, kid: str | None, *, than: RSAPublicKey, signature: bytes
    ) -> RSAPublicKey | None:
        """Return the key that has replaced `than`, which does not fit the signature; None where none has.

        Raises:
            KeysUnavailable: the keys cannot be fetched now.
        """

    def state(self) -> KeyState:
        """Return whether there is a key, and why the keys cannot be renewed."""


class FixedKey:
    """One key for every token, whatever `kid` it names."""

    def __init__(self, key: RSAPublicKey) -> None:
        self._key = key

    async def find(self, kid: str | None) -> RSAPublicKey:  # noqa: ARG002  # the protocol's signature
        """Return the key."""
        return self._key

    async def find_newer(self, kid: str | None, *, than: RSAPublicKey, signature: bytes) -> None:
        """A fixed key is never replaced."""

    def state(self) -> KeyState:
        """Return that there is a key."""
        return KeyState()


class KeyTimes(Struct, frozen=True, kw_only=True):
    """How long, in seconds.

    Attributes:
        fresh: between two renewals.
        stale: a set may be used while renewals fail.
        cooldown: in which tokens may cause `FETCHES` fetches at once, and between two that fail.
        pause: after which one more may be caused, so that forged tokens hide no rotation for longer.
        timeout: one fetch, from connect to last byte.
        backoff: before a failed fetch is repeated; doubles up to `cooldown`.
    """

    fresh: float = 300
    stale: float = 24 * 3600
    cooldown: float = 30
    pause: float = 5
    timeout: float = 3
    backoff: float = 1


class RemoteKeys:
    """A JWKS behind a URL.

    As a context manager it renews the set in the background; without, it is fetched when first needed.
    """

    def __init__(
        self,
        url: str,
        outbound: Outbound,
        *,
        secret: Secret | None = None,
        times: KeyTimes | None = None,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._outbound = outbound
        self._headers = {"authorization": f"Bearer {secret.reveal()}"} if secret else {}
        self._times = times or KeyTimes()
        self._on_change = on_change
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetches = Throttle(FETCHES, seconds=self._times.cooldown, clock=clock)
        self._settled = TokenCache[float]()  # until when it is certain that the instance has no key for them
        self._fetched = self._tried = float("-inf")
        self._failures = 0
        self._problem = ""
        self._fetch: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._renewal = asyncio.create_task(self._renew(), name="jwks-renewal")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [task for task in (self._renewal, self._fetch) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def find(self, kid: str | None) -> RSAPublicKey:
        """As `Keys.find`; waits for a fetch only where the key is not known."""
        if kid is None:
            raise _unknown(kid)
        if (key := self._known(kid)) is not None:
            return key
        await self._look_again(kid.encode())
        if (key := self._known(kid)) is not None:
            return key
        raise _unknown(kid)

    async def find_newer(
        self, kid: str | None, *, than: RSAPublicKey, signature: bytes
    ) -> RSAPublicKey | None:
        """As `Keys.find_newer`: a rotation may keep the `kid`, which names the instance."""
        await self._look_again(signature)
        key = self._known(kid or "")
        return None if key == than else key

    def state(self) -> KeyState:
        """As `Keys.state`."""
        return KeyState(is_usable=self._is_usable(), problem=self._problem)

    async def _look_again(self, unknown: bytes) -> None:
        """Fetch for a `kid` or a signature that the known keys do not settle, once in a while for each.

        Raises:
            KeysUnavailable: it was not possible, so a refusal could be wrong.
        """
        if self._clock() < (self._settled.get(unknown) or 0):
            return
        if self._fetch is None and not self._may_fetch():
            raise KeysUnavailable(retry_after=max(1.0, self._rest()))
        await self._refresh()
        if self._failures:
            raise KeysUnavailable(retry_after=max(1.0, self._rest()))
        self._settled.put(unknown, self._clock() + self._times.cooldown / FETCHES)

    def _known(self, kid: str) -> RSAPublicKey | None:
        return self._keys.get(kid) if self._is_usable() else None

    def _is_usable(self) -> bool:
        return self._clock() - self._fetched <= self._times.stale

    def _may_fetch(self) -> bool:
        if self._failures:
            return self._rest() <= 0
        return self._fetches.admit() is not None or self._rest() <= 0

    def _rest(self) -> float:
        """Seconds until a token may cause a fetch again; sooner where nothing can be verified at all."""
        if not self._failures:
            return min(self._fetches.wait(), self._tried + self._times.pause - self._clock())
        pause = self._times.cooldown if self._is_usable() else self._backoff()
        return self._tried + pause - self._clock()

    def _backoff(self) -> float:
        growth = math.ldexp(1, min(self._failures, 16) - 1)
        return min(self._times.cooldown, self._times.backoff * growth)

    async def _refresh(self) -> None:
        """Fetch once for everybody who waits; one who stops waiting does not stop the fetch."""
        if self._fetch is None:
            self._tried = self._clock()
            self._fetch = asyncio.create_task(self._load(), name="jwks-fetch")
            self._fetch.add_done_callback(self._forget)
        await asyncio.shield(self._fetch)

    def _forget(self, _: asyncio.Task[None]) -> None:
        self._fetch = None

    async def _renew(self) -> None:
        while True:
            await self._refresh()
            await asyncio.sleep(self._backoff() if self._failures else self._times.fresh)

    async def _load(self) -> None:
        try:
            keys = read_key_set(await self._download())
        except (NoResponse, KeySetError) as fault:
            self._failures, self._problem = self._failures + 1, str(fault)
            logger.warning(
                "auth.keys.fetch_failed",
                extra={"cause": str(fault), "failures": self._failures, "usable": self._is_usable()},
            )
            return
        self._failures, self._problem, self._fetched = 0, "", self._clock()
        has_changed = bool(self._keys) and keys != self._keys
        self._keys = keys
        if has_changed:
            logger.info("auth.keys.rotated", extra={"keys": len(keys)})
            self._on_change()

    async def _download(self) -> bytes:
        response = await self._outbound.ask(
            self._url, headers=self._headers, timeout=self._times.timeout, limit=MAX_BYTES
        )
        if response.status in {401, 403}:
            raise KeySetError("secret-key-invalid")
        if response.status != 200:
            raise KeySetError(f"status {response.status}")
        return response.body


def _unknown(kid: str | None) -> Unauthenticated:
    # Not which ones there are: the line is read by more people than the settings.
    return Unauthenticated(Reason.UNKNOWN_KEY, expected="a `kid` of this instance", came=shown(kid))

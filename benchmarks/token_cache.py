"""How much the verified-token cache spares: tokens verified a second, with it and without it.

Run `.venv/bin/python benchmarks/token_cache.py`. The rounds of both alternate, so that a busy machine slows
both down; the ratio is what counts.
"""

import asyncio
import time
from statistics import median

from runtime.auth.authenticator import Authenticator
from runtime.auth.cache import TokenCache
from runtime.auth.clerk import ClerkIdentity
from runtime.auth.clerk.checks import Checks
from runtime.auth.clerk.issuer import ISSUER, DevelopmentIssuer
from runtime.auth.tokens.key_sets import FixedKey
from runtime.auth.verified import Verified
from runtime.config import Policy

CALLERS = 200
ROUNDS = 9
POLICY = Policy(org=True, permission="org:signals:read")


class Forgetful(TokenCache[Verified]):
    """A cache that keeps nothing."""

    def put(self, token: bytes, entry: Verified) -> None:
        """Forget it."""


def authenticator_with(issuer: DevelopmentIssuer, cache: TokenCache[Verified]) -> Authenticator:
    """Build the authenticator as production has it, but for the cache."""
    keys = FixedKey(issuer.public_key)
    return Authenticator(ClerkIdentity(keys=keys, checks=Checks(issuers=frozenset({ISSUER})), cache=cache))


async def rate(authenticator: Authenticator, scopes: list[dict[str, object]]) -> float:
    """Return how many callers a second are let in."""
    started = time.perf_counter()
    for scope in scopes:
        await authenticator.authenticate(scope, POLICY)
    return len(scopes) / (time.perf_counter() - started)


async def main() -> None:
    """Measure, and print one line for each and their ratio."""
    issuer = DevelopmentIssuer()
    tokens = [
        issuer.token(
            f"user_{number}", organization="org_desk", permissions=("org:signals:read",), lifetime=600
        )
        for number in range(CALLERS)
    ]
    scopes: list[dict[str, object]] = [
        {"method": "GET", "headers": [(b"host", b"annex"), (b"authorization", b"Bearer " + token.encode())]}
        for token in tokens
    ]
    cached, uncached = authenticator_with(issuer, TokenCache()), authenticator_with(issuer, Forgetful())
    await rate(cached, scopes)
    rates = [(await rate(cached, scopes * 10), await rate(uncached, scopes)) for _ in range(ROUNDS)]
    with_cache, without = (median(column) for column in zip(*rates, strict=True))
    print(f"with the cache     {with_cache:>10,.0f} callers/s  {1e6 / with_cache:6.1f} µs each")
    print(f"without the cache  {without:>10,.0f} callers/s  {1e6 / without:6.1f} µs each")
    print(f"ratio              {with_cache / without:>10.1f}")


if __name__ == "__main__":
    asyncio.run(main())

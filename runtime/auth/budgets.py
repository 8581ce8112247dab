"""How many credentials that a provider does not know one address may have it asked about.

Whoever invents credentials pays for that alone: the budget is the address's own, for each kind. A credential
that turns out good costs nothing, and one that comes again costs once.
"""

import time
from collections.abc import Callable
from typing import Final

from runtime.auth.cache import TokenCache
from shared.errors import KeysUnavailable

LIMIT: Final = 32  # unconfirmed credentials of one kind and address
SECONDS: Final = 60.0  # for which a credential counts
PAYERS: Final = 4096  # addresses and kinds that are remembered


class Budgets:
    """The unconfirmed credentials of each address and kind."""

    def __init__(
        self, limit: int = LIMIT, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._spent: dict[tuple[str, str], dict[bytes, float]] = {}
        self._names = TokenCache[None]()

    def charge(self, address: str, kind: str, credential: bytes) -> None:
        """Count a credential before the provider is asked.

        Raises:
            KeysUnavailable: the budget is used up; says when there is room again.
        """
        payer, name, now = (address, kind), self._names.digest(credential), self._clock()
        if payer not in self._spent and len(self._spent) >= PAYERS:
            del self._spent[next(iter(self._spent))]
        spent = self._spent.setdefault(payer, {})
        for old in [each for each, until in spent.items() if until <= now]:
            del spent[old]
        if name in spent:
            return
        if len(spent) >= self._limit:
            raise KeysUnavailable(retry_after=max(1.0, min(spent.values()) - now))
        spent[name] = now + self._seconds

    def refund(self, address: str, kind: str, credential: bytes) -> None:
        """Give back what a credential cost: it is good, or nobody could tell."""
        spent = self._spent.get((address, kind), {})
        spent.pop(self._names.digest(credential), None)
        if not spent:
            self._spent.pop((address, kind), None)

"""Tokens that were verified already: a signature is checked once, not once a request.

Entries are found by a keyed digest, so neither the token nor anything to test a guess against is kept. What
depends on time or policy is never part of an entry; whoever uses one checks that again.
"""

import secrets
from hashlib import blake2b
from typing import Final

CAPACITY: Final = 4096


class TokenCache[Entry]:
    """At most `capacity` entries; the oldest goes first, as it will expire first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._entries: dict[bytes, Entry] = {}
        self._keyed = blake2b(digest_size=16, key=secrets.token_bytes(32))

    def digest(self, token: bytes) -> bytes:
        """Return the key under which a token's entry is kept in this process."""
        digest = self._keyed.copy()  # the key is mixed in already
        digest.update(token)
        return digest.digest()

    def get(self, token: bytes) -> Entry | None:
        """Return the entry of a token, None where there is none."""
        return self._entries.get(self.digest(token))

    def put(self, token: bytes, entry: Entry) -> None:
        """Keep an entry."""
        digest = self.digest(token)
        if digest not in self._entries and len(self._entries) >= self._capacity:
            del self._entries[next(iter(self._entries))]
        self._entries[digest] = entry

    def drop(self, token: bytes) -> None:
        """Forget an entry, if it is there."""
        self._entries.pop(self.digest(token), None)

    def clear(self) -> None:
        """Forget everything: the keys have changed."""
        self._entries.clear()

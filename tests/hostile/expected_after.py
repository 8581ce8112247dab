"""Cases that do not hold yet; each is taken off when what it needs is there, and the suite says so when it holds."""

EXPECTED_AFTER: frozenset[str] = frozenset()

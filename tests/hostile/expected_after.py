"""Cases that do not hold yet, each until what it needs is there; they stay visible in the table."""

EXPECTED_AFTER: frozenset[str] = frozenset()

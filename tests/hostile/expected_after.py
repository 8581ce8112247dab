"""Cases that do not hold yet, each until what it needs is there; they stay visible in the table."""

EXPECTED_AFTER = frozenset(
    {"calls/rlimit"}  # a worker whose hard limit of open files a function has lowered can accept nobody
)

"""Cases that do not hold yet, each until what it needs is there; they stay visible in the table."""

PROCESSES = (  # a worker that dies is replaced while others serve
    *("abort", "alarm", "call_soon_exit", "cancel_all", "close_descriptors", "exit_os", "fork", "kill_self"),
    *("loop_stop", "memory", "rlimit", "segfault", "sync_exit_os", "task_factory", "term_self"),
)
STALL = ("big_sum", "log_flood", "loop", "regex", "sleep", "sync_regex")  # a call cannot hold a loop

EXPECTED_AFTER = frozenset(f"calls/{name}" for name in (*PROCESSES, *STALL))

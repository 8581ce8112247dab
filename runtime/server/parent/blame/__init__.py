"""Which file has ended a worker: from its stacks, its threads, and the calls that were under way."""

"""The same job on each queue: `start` runs its worker, `python -m benchmarks.queues.<name> N` queues it."""

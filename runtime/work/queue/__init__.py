"""The queue in Valkey or Redis, and what is kept of a run."""

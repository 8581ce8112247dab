"""Web origins that may read answers."""

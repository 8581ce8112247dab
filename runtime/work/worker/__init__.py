"""The workers that take from the queue, and who keeps their leases."""

"""Work that outlives the request: the queue, the workers that take from it, and who keeps their leases."""

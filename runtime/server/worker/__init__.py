"""A worker process: one share of the service, in the hands of its parent (`runtime/server/parent/`)."""

"""The first answer for an `Idempotency-Key`, given again to the same caller."""

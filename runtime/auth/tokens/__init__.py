"""Signed tokens and the public keys that verify them, for any provider that issues JWTs."""

"""Clerk, as identity provider and as sender of webhooks."""

"""The developer's page, and what it shows."""

"""What only a developer's machine needs: watch, hot swap, an embedded PostgreSQL."""

"""The app's own PostgreSQL: URL dialects translated, every wait bounded, the schema never changed."""


class Database:
    """The pool; see the methods."""

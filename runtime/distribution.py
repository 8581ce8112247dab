"""The distribution that brings the product: its name on an index, and the version that is installed."""

from importlib.metadata import version as version_of

NAME = "annex-functions"


def version() -> str:
    """Return the installed version."""
    return version_of(NAME)

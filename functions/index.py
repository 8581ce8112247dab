"""What this service is, and where to read on."""

from importlib.metadata import version

from msgspec import Struct

from runtime import Function

config = Function(public=True, cache=60, summary="Name, version and links")


class Index(Struct):
    """The service's card."""

    name: str
    version: str
    links: dict[str, str]


async def get() -> Index:
    """Return the service's name, its version, and where its documents are."""
    links = {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}
    return Index(name="annex", version=version("annex-functions"), links=links)

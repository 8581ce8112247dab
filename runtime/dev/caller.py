"""The person whom a development request is sent as."""

from typing import TypedDict


class DevelopmentCaller(TypedDict):
    """The person whom a development token names.

    Attributes:
        user: the id of the user.
        org: the active organisation, empty for none.
        role: in that organisation.
        permissions: comma-separated; None for all that functions ask for.
    """

    user: str
    org: str
    role: str
    permissions: str | None

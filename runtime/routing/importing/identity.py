"""Whether something is still what it was; an object may call itself equal to the one that it has replaced."""

from collections.abc import Iterable
from typing import Any

type Identified = list[tuple[int, Any]]


def identified(*found: Any) -> Identified:
    """Return objects, each behind its identity, so that comparing never asks the object itself."""
    return [(id(each), each) for each in found]


def has(held: Iterable[Any], one: Any) -> bool:
    """Say whether this very object is among those."""
    return any(each is one for each in held)

"""The old name of `shared.database.drift`."""

from typing import Any

from shared.moved import moved


def __getattr__(name: str) -> Any:
    return moved(__name__, "shared.database.drift", name)

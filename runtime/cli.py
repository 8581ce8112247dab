"""The old name of `runtime.commands.cli`."""

from typing import Any

from shared.moved import moved


def __getattr__(name: str) -> Any:
    return moved(__name__, "runtime.commands.cli", name)

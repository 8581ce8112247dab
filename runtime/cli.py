"""The old name of `runtime.commands.cli`."""

import sys
from typing import Any

from shared.moved import moved


def __getattr__(name: str) -> Any:
    return moved(__name__, "runtime.commands.cli", name)


if __name__ == "__main__":  # `python -m runtime.cli`
    sys.exit(moved("runtime.cli", "runtime.commands.cli", "main")())

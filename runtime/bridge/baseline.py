"""The contract that clients were built against: the one that was committed, as git has it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from runtime.bridge.artefacts import CONTRACT


class NoBaseline(Exception):
    """There is nothing to compare with; the text says why."""


def committed(root: Path, revision: str) -> dict[str, Any]:
    """Return the contract of a git revision, such as ``HEAD`` or ``origin/main``.

    Raises:
        NoBaseline: no git, no such revision, or no contract in it.
    """
    git = shutil.which("git")
    if git is None:
        raise NoBaseline("git is not on PATH, so there is no committed contract to compare with.")
    wanted = f"{revision}:./{CONTRACT.as_posix()}"
    command = [git, "-C", str(root), "show", "--end-of-options", wanted]
    found = subprocess.run(command, capture_output=True, check=False, timeout=20)  # noqa: S603  # the developer's own repository
    if found.returncode:
        raise NoBaseline(f"git has no {CONTRACT} at {revision}; name a revision that has one.")
    try:
        contract: dict[str, Any] = json.loads(found.stdout)
    except ValueError:
        raise NoBaseline(
            f"{CONTRACT} at {revision} is no JSON; name a revision that has a whole one."
        ) from None
    return contract

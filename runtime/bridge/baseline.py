"""The contract that existing clients were built against: the one committed to git."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from runtime.bridge.artefacts import CONTRACT


class NoBaseline(Exception):
    """There is no contract to compare with; the message names the reason."""


def committed(root: Path, revision: str) -> dict[str, Any]:
    """Return the contract of a git revision, such as ``HEAD`` or ``origin/main``.

    Raises:
        NoBaseline: no git, no such revision, or no contract in it.
    """
    git = shutil.which("git")
    if git is None:
        raise NoBaseline("git was not found on PATH; it is needed to read the committed contract.")
    wanted = f"{revision}:./{CONTRACT.as_posix()}"
    command = [git, "-C", str(root), "show", "--end-of-options", wanted]
    found = subprocess.run(command, capture_output=True, check=False, timeout=20)  # noqa: S603  # the developer's own repository
    if found.returncode:
        raise NoBaseline(f"git revision {revision} has no {CONTRACT}; name a revision that has one.")
    try:
        contract: dict[str, Any] = json.loads(found.stdout)
    except ValueError:
        raise NoBaseline(f"{CONTRACT} in git revision {revision} is not valid JSON; name another.") from None
    return contract

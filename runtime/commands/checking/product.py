"""Whether uv.lock holds the product that pyproject.toml pins."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from runtime.commands.finding import Finding
from runtime.distribution import NAME
from runtime.settings.project import read_project

LOCK = "uv.lock"


def examine_product(root: Path) -> Iterator[Finding]:
    """Yield what is wrong, or that nothing is; nothing where the lock below `root` has no product."""
    file = root / LOCK
    if not file.is_file():
        return
    packages = tomllib.loads(file.read_text("utf-8")).get("package", [])
    ours = next((each for each in packages if each.get("name") == NAME), None)
    if ours is None:
        return
    pinned = read_project(root).wheel
    hashes = {each.get("hash") for each in ours.get("wheels", [])}
    if "registry" in ours.get("source", {}):
        found = f"{LOCK} takes {NAME} from an index, where anybody could publish that name."
        yield Finding("product", f"{found} Pin it in [tool.uv.sources] and lock again.", is_fault=True)
    elif pinned and pinned not in hashes:
        found = f"{LOCK} holds another wheel of {NAME} than [tool.annex] wheel pins."
        yield Finding("product", f"{found} Find out which is right, and correct the other.", is_fault=True)
    elif pinned:
        yield Finding("product", f"{NAME} {ours.get('version')} is the wheel that is pinned")

"""What the changelog says to a service that comes from an older version."""

from collections.abc import Iterator
from pathlib import Path

from runtime.replacements import ordered


def news(version: str, changelog: Path | None = None) -> Iterator[str]:
    """Yield what the changelog says was changed, deprecated or removed after `version`, entry by entry."""
    file = changelog or _changelog()
    is_newer = is_told = False
    entry = ""
    for line in [*(file.read_text("utf-8").splitlines() if file.is_file() else []), "## "]:
        if line.startswith(("#", "- ")) and entry:
            yield entry
            entry = ""
        if line.startswith("## "):
            named = line.removeprefix("## ").strip("[] ").partition("]")[0].partition(" ")[0]
            is_newer = named == "Unreleased" or ordered(named) > ordered(version)
        elif line.startswith("### "):
            is_told = line.removeprefix("### ").strip() in {"Changed", "Deprecated", "Removed"}
        elif is_newer and is_told and line.startswith("- "):
            entry = line
        elif entry and line.strip():
            entry += f" {line.strip()}"


def _changelog() -> Path:
    packed = Path(__file__).with_name("CHANGELOG.md")
    return packed if packed.is_file() else Path(__file__).parents[2] / "CHANGELOG.md"

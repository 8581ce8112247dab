"""What changed for services between versions, as far as a command can find it in their files.

A name that is replaced keeps working for one minor version; meanwhile `annex check` names each use of it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple


class Replacement(NamedTuple):
    """One change that old files can be searched for.

    Attributes:
        version: the first that has it.
        kind: a ``module``, a ``name`` of the face (`from runtime import …`), a ``key`` of `Function` and
            `Folder`, or a ``variable`` of the environment.
        old: the name that is replaced.
        new: what it is now; empty where there is nothing to put in its place.
        cure: what a person is to do where nothing can be put in its place.
    """

    version: str
    kind: Literal["module", "name", "key", "variable"]
    old: str
    new: str = ""
    cure: str = ""

    def __str__(self) -> str:
        return f"`{self.old}` is now `{self.new}`" if self.new else f"`{self.old}` is gone: {self.cure}"


REPLACEMENTS = (
    Replacement("0.1.0", "module", "runtime.cli", "runtime.commands.cli"),
    Replacement("0.1.0", "module", "shared.database.contract", "shared.database.drift"),
    Replacement(
        "0.1.0", "module", "tests.fixtures.routing", cure="take the fixture `service` of runtime.testing"
    ),
)


def since(version: str, changes: Iterable[Replacement] = REPLACEMENTS) -> list[Replacement]:
    """Return the changes that a service of `version` has not seen, oldest first."""
    return sorted(
        (each for each in changes if ordered(each.version) > ordered(version)),
        key=lambda each: ordered(each.version),
    )


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


def ordered(version: str) -> tuple[int, ...]:
    """Return a version as something that can be compared; what cannot be read comes before all others."""
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _changelog() -> Path:
    packed = Path(__file__).with_name("CHANGELOG.md")
    return packed if packed.is_file() else Path(__file__).parents[2] / "CHANGELOG.md"

"""What changed for services between versions, as far as a command can find it in their files.

A name that is replaced works throughout the minor version that replaced it, with a `DeprecationWarning` that
names file and line; `annex check` names each use of it, and `annex upgrade` puts the new name there.
"""

import warnings
from collections.abc import Iterable
from typing import Literal, NamedTuple

from runtime.distribution import version as installed

type Kind = Literal["module", "name", "key", "variable"]


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
    kind: Kind
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


def ordered(version: str) -> tuple[int, ...]:
    """Return a version as something that can be compared; what cannot be read comes before all others."""
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def replaced(kind: Kind, old: str) -> Replacement | None:
    """Return the change for which an old name is still accepted: one of the installed minor version."""
    for change in REPLACEMENTS:
        if (change.kind, change.old) == (kind, old) and change.new and is_kept(change):
            return change
    return None


def is_kept(change: Replacement) -> bool:
    """Whether the installed version still accepts the old name."""
    return ordered(change.version)[:2] == ordered(installed())[:2]


def current(kind: Kind, name: str) -> str:
    """Return the name of today for one that may be old."""
    change = replaced(kind, name)
    return change.new if change else name


def warn(change: Replacement, *, above: int) -> None:
    """Warn of an old name.

    Args:
        change: what replaced it.
        above: how many calls above the caller the old name stands.
    """
    text = f"{change}; the old name is gone in the next minor version. Run `annex upgrade`."
    warnings.warn(text, DeprecationWarning, stacklevel=above + 2)

"""Docstrings as data: our code is written in Google's sections, so the contract can read them."""

import inspect
import re
from typing import NamedTuple

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example", "Examples", "Note")


class Docstring(NamedTuple):
    """A docstring taken apart.

    Attributes:
        prose: everything before the first section.
        names: what `Args:` or `Attributes:` says of each name.
        raises: the class names under `Raises:`.
    """

    prose: str
    names: dict[str, str]
    raises: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first paragraph, on one line."""
        return " ".join(self.prose.partition("\n\n")[0].split())

    @property
    def description(self) -> str:
        """What follows the first paragraph."""
        return self.prose.partition("\n\n")[2].strip()


def read(text: str | None) -> Docstring:
    """Take a docstring apart; text without sections is all prose."""
    pieces = re.split(
        rf"^({'|'.join(SECTIONS)}):\n",
        inspect.cleandoc(text or "").replace("``", "`") + "\n",
        flags=re.MULTILINE,
    )
    sections = {title: _entries(body) for title, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    names = sections.get("Args", {}) | sections.get("Attributes", {})
    return Docstring(pieces[0].strip(), names, tuple(sections.get("Raises", {})))


def _entries(section: str) -> dict[str, str]:
    """Read `name: text` entries; text goes on while lines are indented deeper."""
    entries: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc("\n" + section).splitlines():
        start = re.match(r"(\w+)(?: \([^)]*\))?:\s*", line)
        if start:
            name = start[1]
            entries[name] = line[start.end() :].strip()
        elif name and line.startswith(" "):
            entries[name] += " " + line.strip()
    return entries

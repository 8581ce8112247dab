"""Parses docstrings in Google style, so that the contract can contain them."""

import inspect
import re
from typing import NamedTuple

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example", "Examples", "Note")


class Docstring(NamedTuple):
    """A parsed docstring.

    Attributes:
        prose: everything before the first section.
        names: the descriptions under `Args:` or `Attributes:`, by name.
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
        """Everything after the first paragraph."""
        return self.prose.partition("\n\n")[2].strip()


def read(text: str | None) -> Docstring:
    """Parse a docstring; without sections all of it is prose."""
    pieces = re.split(
        rf"^({'|'.join(SECTIONS)}):\n",
        inspect.cleandoc(text or "").replace("``", "`") + "\n",
        flags=re.MULTILINE,
    )
    sections = {title: _entries(body) for title, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    names = sections.get("Args", {}) | sections.get("Attributes", {})
    return Docstring(pieces[0].strip(), names, tuple(sections.get("Raises", {})))


def _entries(section: str) -> dict[str, str]:
    """Read `name: text` entries; deeper indented lines continue an entry."""
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

"""One hostile file, and what its first lines say must hold.

```
# holds: a sentence
# own: 503           statuses that the file itself may answer, `any` where that does not matter
# text: ["a"]        a text that no answer of it may contain after the first
# costs: worker      calls of others that run in the same process may be lost with it
```
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.hostile import built

CASES = Path(__file__).with_name("cases")
_FACT = re.compile(rb"^# (holds|own|text|costs): (.*)$", re.MULTILINE)


class Case(NamedTuple):
    """One case.

    Attributes:
        name: ``class/name``, which is its URL as well.
        content: of the file; None where `built` makes it.
        own: statuses that it may answer, empty where any will do.
        leaks: a text that its answers must not contain.
        costs_worker: it may take the calls of its own process with it.
    """

    name: str
    content: bytes | None
    own: frozenset[int] = frozenset()
    leaks: str = ""
    costs_worker: bool = False

    @property
    def kind(self) -> str:
        """Its class."""
        return self.name.partition("/")[0]

    def write(self, functions: Path) -> None:
        """Put it into a functions folder."""
        path = functions / f"{self.name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.content is None:
            built.BUILT[self.name](path)
        else:
            path.write_bytes(self.content)


def cases(*kinds: str) -> list[Case]:
    """Return all cases, or those of some classes or names."""
    return sorted(each for each in _all() if not kinds or not {each.kind, each.name}.isdisjoint(kinds))


def _all() -> Iterator[Case]:
    for path in CASES.glob("*/*.py"):
        if not path.name.startswith("_"):
            yield _read(path)
    yield from (Case(name, None) for name in built.BUILT)


def _read(path: Path) -> Case:
    content = path.read_bytes()
    facts = {key.decode(): value.decode() for key, value in _FACT.findall(content[:1000])}
    own = facts.get("own", "any")
    return Case(
        path.relative_to(CASES).with_suffix("").as_posix(),
        content,
        frozenset() if own == "any" else frozenset(map(int, own.split(","))),
        facts.get("text", ""),
        "costs" in facts,
    )

"""What one file or folder name means in a URL. Pure: text in, a segment or a fault out."""

import keyword
import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

# Parameters of a handler that Litestar provides, and the last four the runtime.
RESERVED_NAMES = frozenset(
    {"body", "cookies", "headers", "query", "scope", "socket", "state", "data", "db", "request", "user"}
)
_POLICY_STEMS = ("config", "configuration", "cfg")
_POLICY_SUFFIXES = frozenset({"", "py", "pyi", "pyc", "pyw", "json", "toml", "yaml", "yml"})
_BRACKETED = re.compile(r"\[(\.\.\.)?([^\[\]]*)\]")
_GROUP = re.compile(r"\(([^()\[\]{}]+)\)")
_NOT_VERBATIM = re.compile(r"[\s\x00-\x1f\x7f?#%\\<>\"^|`{}\[\]()/:*]")


class Segment(Struct, frozen=True):
    """One step of a URL.

    Attributes:
        kind: ``static`` matches its own text, ``dynamic`` any one segment, ``rest`` one or more.
        text: the static text, or the parameter's name.
    """

    kind: Literal["static", "dynamic", "rest"]
    text: str

    @property
    def template(self) -> str:
        """As it is written in a route template."""
        return self.text if self.kind == "static" else f"{{{self.text}}}"

    @property
    def shape(self) -> str:
        """What the router distinguishes: static text, any segment, any tail."""
        return {"static": self.text, "dynamic": "{}", "rest": "{...}"}[self.kind]


class NameFault(ValueError):
    """The name cannot be part of a URL. `segment` is what it stands for all the same, if that is clear."""

    def __init__(self, found: str, cure: str, segment: Segment | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.cure = cure
        self.segment = segment


def is_private(name: str) -> bool:
    """Say whether this file or folder is ignored by the router."""
    if name.startswith(("_", ".")):
        return True
    return (
        name == "conftest.py"
        or (name.endswith(".py") and name.startswith("test_"))
        or name.endswith("_test.py")
    )


def is_like_policy(name: str) -> bool:
    """Say whether a private file was probably meant to be a folder's `_config.py`, and is not."""
    stem, _, suffix = name.lower().partition(".")
    if name == "_config.py" or not stem.startswith("_") or suffix not in _POLICY_SUFFIXES:
        return False
    return bool(get_close_matches(stem.strip("_"), _POLICY_STEMS, n=1, cutoff=0.8))


def read_segment(name: str) -> Segment | None:
    """Translate a folder name, or a file name without ``.py``; None for a group.

    Raises:
        NameFault: it cannot be part of a URL.
    """
    if match := _BRACKETED.fullmatch(name):
        return _read_parameter(match[2], name, "rest" if match[1] else "dynamic")
    if _GROUP.fullmatch(name):
        return None
    if name.startswith("[[") and name.endswith("]]"):
        inner = name.strip("[].") or "name"
        raise NameFault(
            f"Optional segments such as {name} do not exist.", f"Write two files: index.py and [{inner}].py."
        )
    if any(mark in name for mark in "[](){}"):
        raise NameFault(
            f"{name!r} mixes brackets with other text; a parameter is always a whole segment.",
            "Rename it to [name], and take the value apart inside the function.",
        )
    if bad := _NOT_VERBATIM.search(name):
        raise NameFault(
            f"{name!r} contains {bad[0]!r}, which a URL cannot contain unencoded.",
            "Use letters, digits, '-', '_', '.' or '~'.",
        )
    return Segment("static", unicodedata.normalize("NFC", name))


def _read_parameter(text: str, name: str, kind: Literal["dynamic", "rest"]) -> Segment:
    stand_in = Segment(kind, "param_" + re.sub(r"\W", "_", text))
    if not text.isidentifier() or keyword.iskeyword(text):
        why = "a Python keyword" if keyword.iskeyword(text) else "not a Python identifier"
        raise NameFault(
            f"{name}: {text!r} is {why}, so no handler can take it as a parameter.",
            "Name it like a variable, such as [symbol].",
            stand_in,
        )
    if text in RESERVED_NAMES:
        raise NameFault(
            f"{name}: the parameter name {text!r} is reserved for the runtime.",
            f"Rename it, for example to [{text}_id].",
            stand_in,
        )
    return Segment(kind, text)


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """Return what was probably meant, or None."""
    by_case = {name.lower(): name for name in known}
    if word.lower() in by_case:
        return by_case[word.lower()]
    close = get_close_matches(word.lower(), list(by_case), n=1, cutoff=0.7)
    return by_case[close[0]] if close else None

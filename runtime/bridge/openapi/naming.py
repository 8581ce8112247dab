"""Names of types in the contract: their own, and longer ones where two types share a name.

A type from outside the functions folder keeps its name, since many files may use it; those of function files
get the file's name as a prefix: `Item` of `orders/[id].py` is `OrdersIdItem`. The one that has the short name
in the committed contract keeps it. The names do not depend on the order of the files or on the location of
the project.
"""

import contextlib
import re
import types
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, Literal, Union, get_args, get_origin

from runtime.routing.annotations.describe import MODULE_PREFIX

_UNIONS = (Union, types.UnionType)


def names_of(
    kinds: Iterable[Any], known: Mapping[str, frozenset[str]] = MappingProxyType({})
) -> dict[Any, str]:
    """Return a unique name for each class in `kinds`; unique also after `ascii_of`.

    Args:
        kinds: types of the contract.
        known: by module of a function file, the names that the committed contract has for it; where just one
            of several classes had their common name, it keeps it.
    """
    classes = list(dict.fromkeys(cls for kind in kinds for cls in _classes(kind)))
    groups: dict[str, list[Any]] = defaultdict(list)
    for cls in classes:
        groups[ascii_of(cls.__name__)].append(cls)
    names: dict[Any, str] = {}
    for name, group in groups.items():
        first = [cls for cls in group if name in known.get(cls.__module__, ())]
        outside = [cls for cls in group if not cls.__module__.startswith(MODULE_PREFIX)]
        plain = next((some for some in (group, first, outside) if len(some) == 1), [])
        names.update((cls, cls.__name__) for cls in plain)
    taken = {ascii_of(name) for name in names.values()} | groups.keys()
    for cls in sorted((cls for cls in classes if cls not in names), key=_place):
        names[cls] = next(name for name in _longer(cls) if ascii_of(name) not in taken)
        taken.add(ascii_of(names[cls]))
    return names


def title(kind: Any, names: Mapping[Any, str]) -> str:
    """Write a type with the names of its classes: ``Page[OrdersItem]``."""
    arguments = [title(each, names) for each in get_args(kind)]
    origin = get_origin(kind)
    if origin in _UNIONS:
        return " | ".join(arguments)
    if arguments and origin is not Literal:
        return f"{title(origin, names)}[{', '.join(arguments)}]"
    if isinstance(kind, type):
        return names.get(kind, kind.__name__)
    return str(kind)


def identifiers(titles: Mapping[str, str]) -> dict[str, str]:
    """Return a unique identifier for each title: `Page[Signal]` is `PageOfSignal`."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for key in sorted(titles, key=lambda key: ("[" in titles[key], titles[key])):
        wanted = _identifier(titles[key])
        found[key] = next(name for name in _numbered(wanted) if name not in taken)
        taken.add(found[key])
    return found


@contextlib.contextmanager
def renamed(names: Mapping[Any, str]) -> Iterator[None]:
    """Rename the classes temporarily, because msgspec names components after them.

    For duplicates it uses module and qualified name, which two classes of one function share.
    """
    before = {cls: cls.__name__ for cls, name in names.items() if cls.__name__ != name}
    try:
        for cls in before:
            type.__setattr__(cls, "__name__", names[cls])
        yield
    finally:
        for cls, name in before.items():
            type.__setattr__(cls, "__name__", name)


def ascii_of(name: str) -> str:
    """Replace what is not allowed in the keys of components (OpenAPI 3.1, components object)."""
    return re.sub(r"[^a-zA-Z0-9.\-_]", "_", name)


def _classes(kind: Any) -> Iterator[Any]:
    if get_args(kind):
        for each in (get_origin(kind), *get_args(kind)):
            yield from _classes(each)
    elif isinstance(kind, type) and kind.__module__ not in {"builtins", "types"}:
        yield kind


def _place(cls: Any) -> tuple[str, str]:
    return _module(cls), cls.__qualname__


def _module(cls: Any) -> str:
    """Return its module, without the generated prefix of function files."""
    module = str(cls.__module__)
    return module.partition(".")[2] if module.startswith(MODULE_PREFIX) else module


def _longer(cls: Any) -> Iterator[str]:
    file = _capitals(_module(cls))
    yield file + cls.__name__
    around = _capitals(cls.__qualname__.rpartition(".")[0].replace("<locals>", ""))
    yield from _numbered(file + around + cls.__name__)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}{number}" for number in count(2))


def _capitals(text: str) -> str:
    words = re.findall(r"[^\W_]+", text)
    return "".join(word[0].upper() + word[1:] for word in words)


def _identifier(text: str) -> str:
    """Return an identifier of Python and of TypeScript; a character such as `²` is in neither."""
    words = "".join(char if f"a{char}".isidentifier() else " " for char in text).split() or ["Type"]
    first, rest = words[0], "And".join(word[0].upper() + word[1:] for word in words[1:])
    name = f"{first}Of{rest}" if rest else first
    return name if name.isidentifier() else f"Type{name}"

"""Whether a value is what a type says, at every depth and at the price of a few comparisons a field.

msgspec looks at a struct's fields when it decodes one, not when a function makes one, so a field can hold
anything. A check is written as Python, as `dataclasses` writes `__init__`: docs/adr/0101 has the figures.
"""

from collections.abc import Callable, Iterable
from keyword import iskeyword
from typing import Any

import msgspec
from msgspec import inspect

from runtime.routing.annotations.models import is_model
from runtime.routing.annotations.walk import (
    DICTS,
    RECORDS,
    SCALARS,
    TUPLES,
    class_of,
    is_open,
    items_of,
    may_be_unset,
    names_in_dict,
    plain,
)

_EXACT = {*SCALARS, inspect.EnumType}
_DEEPEST = 12  # blocks within blocks in one check; Python ends at 20


def compiled(kind: inspect.Type) -> Callable[[Any], bool]:
    """Return what says whether a value is of a type just as it is; False where that takes a closer look."""
    source = _Source()
    name = source.function(kind)
    exec("\n".join(source.lines), source.names)  # noqa: S102  made here, of names that are made here
    check: Callable[[Any], bool] = source.names[name]
    return check


class _Source:
    """The Python of one check: a block a type, which returns False at the first thing that does not fit.

    Attributes:
        lines: finished functions.
        names: what they refer to; nothing that a developer has named gets into the text but fields.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self._functions: dict[Any, str] = {}
        self._kinds: list[Any] = []  # keeps them, and so their ids
        self._written: set[Any] = set()
        self._count = 0

    def function(self, kind: Any) -> str:
        """Return the name of the function that checks a type."""
        key = kind.cls if isinstance(kind, RECORDS) else id(kind)
        if key not in self._functions:
            name = self._functions[key] = self._new("fits")
            self._kinds.append(kind)
            block = (
                self._record(kind, "value", 1) if isinstance(kind, RECORDS) else self._block(kind, "value", 1)
            )
            self.lines += [f"def {name}(value):", *block, " return True"]
        return self._functions[key]

    def _block(self, kind: Any, value: str, depth: int) -> list[str]:
        """Return the lines that check one value."""
        kind = plain(kind)
        if is_open(kind):
            return []
        if (unfit := self._unfit(kind, value)) is not None:
            return [f"{' ' * depth}if {unfit}: return False"]
        if depth > _DEEPEST or (isinstance(kind, RECORDS) and kind.cls in self._written):
            return [f"{' ' * depth}if not {self.function(kind)}({value}): return False"]
        if isinstance(kind, inspect.UnionType):
            return self._union(kind, value, depth)
        if isinstance(kind, RECORDS):
            return self._record(kind, value, depth)
        return self._collection(kind, value, depth)

    def _unfit(self, kind: Any, value: str) -> str | None:
        """Return the expression that is true where a scalar does not fit, None where there is more to see."""
        kind = plain(kind)
        unfit = f"type({value}) is not {self._class(kind)}" if type(kind) in _EXACT else None
        match kind:
            case inspect.NoneType():
                unfit = f"{value} is not None"
            case inspect.FloatType():
                # Of a number that is not finite, the difference to itself is NaN.
                unfit = f"((type({value}) is not float and type({value}) is not int) or {value} - {value})"
            case inspect.CustomType() if is_model(kind.cls):
                unfit = f"type({value}) is not {self._class(kind)}"
            case inspect.UUIDType() | inspect.CustomType():  # asyncpg has a UUID of its own
                unfit = f"not isinstance({value}, {self._class(kind)})"
            case inspect.LiteralType():
                types, values = frozenset(map(type, kind.values)), frozenset(kind.values)
                unfit = f"(type({value}) not in {self._named(types)} or {value} not in {self._named(values)})"
            case inspect.UnionType():
                each = [self._unfit(member, value) for member in _none_first(kind.types)]
                unfit = None if None in each else f"({' and '.join(map(str, each))})"
        return unfit

    def _union(self, kind: inspect.UnionType, value: str, depth: int) -> list[str]:
        """Return the lines for a union that has more than scalars in it."""
        members = [plain(member) for member in _none_first(kind.types)]
        if any(is_open(member) for member in members):
            return []
        unfit = [text for member in members if (text := self._unfit(member, value)) is not None]
        pad = " " * depth
        lines = [f"{pad}if {' and '.join(unfit) or 'True'}:"]
        for member in members:
            if self._unfit(member, value) is None:
                lines.append(
                    f"{pad} {'if' if len(lines) == 1 else 'elif'} type({value}) is {self._class(member)}:"
                )
                lines += self._block(member, value, depth + 2) or [f"{pad}  pass"]
        return [*lines, f"{pad} else: return False"]

    def _record(self, kind: Any, value: str, depth: int) -> list[str]:
        self._written.add(kind.cls)
        pad = " " * depth
        lines = [f"{pad}if type({value}) is not {self._class(kind)}: return False"]
        if (names := names_in_dict(kind)) is not None:
            lines.append(f"{pad}if {value}.__dict__.keys() != {self._named(names)}: return False")
        if not isinstance(kind, inspect.TypedDictType):
            for field in kind.fields:
                part = _attribute(value, field.name)
                if may_be_unset(field):
                    lines.append(f"{pad}if {part} is not {self._named(msgspec.UNSET)}:")
                    lines += self._part(field.type, part, depth + 1) or [f"{pad} pass"]
                else:
                    lines += self._part(field.type, part, depth)
            return lines
        count = self._new("count")
        lines.append(f"{pad}{count} = {len(kind.fields)}")
        for field in kind.fields:
            name = self._named(field.encode_name)
            lines.append(
                f"{pad}if {name} not in {value}: " + ("return False" if field.required else f"{count} -= 1")
            )
            block = self._part(field.type, f"{value}[{name}]", depth + 1)
            lines += [f"{pad}else:", *(block or [f"{pad} pass"])]
        return [*lines, f"{pad}if len({value}) != {count}: return False"]

    def _collection(self, kind: Any, value: str, depth: int) -> list[str]:
        pad = " " * depth
        lines = [f"{pad}if type({value}) is not {self._class(kind)}: return False"]
        if isinstance(kind, TUPLES):
            items = items_of(kind)
            lines.append(f"{pad}if len({value}) != {len(items)}: return False")
            for index, item in enumerate(items):
                lines += self._part(item, f"{value}[{index}]", depth)
            return lines
        if isinstance(kind, DICTS):
            key, item = self._new("key"), self._new("item")
            block = self._block(kind.key_type, key, depth + 1) + self._block(kind.value_type, item, depth + 1)
            return lines + ([f"{pad}for {key}, {item} in {value}.items():", *block] if block else [])
        item = self._new("item")
        block = self._block(kind.item_type, item, depth + 1)
        return lines + ([f"{pad}for {item} in {value}:", *block] if block else [])

    def _part(self, kind: Any, expression: str, depth: int) -> list[str]:
        """Return the lines for a part of a value; what is asked more than about itself gets a name."""
        if self._unfit(kind, expression) is not None:
            return self._block(kind, expression, depth)
        part = self._new("part")
        block = self._block(kind, part, depth)
        return [f"{' ' * depth}{part} = {expression}", *block] if block else []

    def _class(self, kind: Any) -> str:
        return self._named(class_of(kind))

    def _named(self, thing: Any) -> str:
        for name, known in self.names.items():
            if known is thing:
                return name
        name = self._new("thing")
        self.names[name] = thing
        return name

    def _new(self, word: str) -> str:
        self._count += 1
        return f"{word}_{self._count}"


def _none_first(kinds: Iterable[Any]) -> list[Any]:
    return sorted(kinds, key=lambda kind: not isinstance(plain(kind), inspect.NoneType))


def _attribute(value: str, name: str) -> str:
    """Spell an attribute; Python would normalise a name that is not ASCII."""
    is_plain = name.isidentifier() and name.isascii() and not iskeyword(name)
    return f"{value}.{name}" if is_plain else f"getattr({value}, {name!r})"

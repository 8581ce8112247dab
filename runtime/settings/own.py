"""The settings that functions define for themselves: a struct whose fields are variables.

`stripe_key: Secret` is read from `STRIPE_KEY`. A function that takes the struct has it made at start, from
the environment that the service's own settings came from.
"""

import typing
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Struct, inspect

from runtime.settings.faults import SettingsError, SettingsFault
from shared.secret import Secret


@typing.dataclass_transform(frozen_default=True, kw_only_default=True)
class _FrozenStruct(msgspec.StructMeta):
    """Tells type checkers that what derives from a frozen struct is frozen without saying so."""


class OwnSettings(Struct, frozen=True, kw_only=True, metaclass=_FrozenStruct):
    """Variables of a function's own; derive from it and take the struct as a parameter."""


class OwnVariable(NamedTuple):
    """One variable of a function's own.

    Attributes:
        name: in the environment.
        kind: its type, as a developer writes it.
        default: as text; None where it is required, ``""`` where there is nothing to show.
        is_set: the environment has it.
    """

    name: str
    kind: str
    default: str | None
    is_set: bool


class Environment:
    """What the environment held at start, for the settings of functions; shows nothing of it."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def __repr__(self) -> str:
        return "Environment(…)"

    def names(self) -> frozenset[str]:
        """Return the names of everything that is set."""
        return frozenset(self._values)

    def read[T: OwnSettings](self, struct: type[T]) -> T:
        """Make a struct of its variables; one that is empty counts as not set.

        Raises:
            SettingsError: with every variable that is missing or cannot be read, by name.
        """
        values: dict[str, Any] = {}
        faults: list[SettingsFault] = []
        for field in msgspec.structs.fields(struct):
            name = field.name.upper()
            text = self._values.get(name, "").strip()
            try:
                if text:
                    values[field.name] = _parsed(text, field.type)
                elif field.required:
                    faults.append(SettingsFault(name, "is not set"))
            except (ValueError, TypeError):  # whose texts may quote the value
                faults.append(SettingsFault(name, f"is set, but not to {_expected(field.type)}"))
        if faults:
            raise SettingsError(tuple(faults))
        return struct(**values)

    def variables(self, struct: type[OwnSettings]) -> Iterator[OwnVariable]:
        """Yield the variables of a struct."""
        for field in msgspec.structs.fields(struct):
            name = field.name.upper()
            default = None if field.required else _shown(field.default)
            is_set = bool(self._values.get(name, "").strip())
            yield OwnVariable(name, _spelt(field.type), default, is_set)


def _parsed(text: str, wanted: Any) -> Any:
    for member in _members(wanted):
        if member is Secret:
            return Secret(text)
        if isinstance(member, type) and issubclass(member, PurePath):
            return member(text)
        if get_origin(member) in {list, tuple, set, frozenset}:
            parts = [part.strip() for part in text.split(",") if part.strip()]
            return msgspec.convert(parts, wanted, strict=False)
    return msgspec.convert(text, wanted, strict=False)


def _members(wanted: Any) -> list[Any]:
    """Return the types of a union without None, or the one type, bare of its metadata."""
    if get_origin(wanted) is typing.Annotated:
        return _members(wanted.__origin__)
    options = [each for each in get_args(wanted) if each is not type(None)]
    return options if type(None) in get_args(wanted) else [wanted]


def _expected(wanted: Any) -> str:
    kind = inspect.type_info(_members(wanted)[0])
    match kind:
        case inspect.EnumType(cls=cls):
            return f"one of {', '.join(str(member.value) for member in cls)}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
    return f"`{_spelt(wanted)}` within its bounds"


def _spelt(wanted: Any) -> str:
    names = [each.__name__ if isinstance(each, type) else str(each) for each in _members(wanted)]
    return " | ".join(names).replace("typing.", "")


def _shown(default: Any) -> str:
    if default is None or default is msgspec.NODEFAULT or isinstance(default, Secret):
        return ""
    try:
        shown = msgspec.to_builtins(default)
    except TypeError:
        return str(default)
    if isinstance(shown, list):
        return ",".join(map(str, shown))
    return str(shown).lower() if isinstance(shown, bool) else str(shown)

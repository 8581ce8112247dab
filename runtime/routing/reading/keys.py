"""One literal of a config, checked against the declaration of its key before anything runs."""

from typing import Any

import msgspec

from runtime.config import HANDLERS, Folder, Function
from runtime.config.keys import keys_of
from runtime.routing.reading.names import near_miss

NUMBER_LIMIT = 1 << 31  # what every clock, counter and client can hold


def read_value(kind: type[Function] | type[Folder], name: str, raw: object) -> Any:
    """Check one literal and return it in the type that the rest of the runtime uses.

    Raises:
        ValueError: it does not fit; the text says what was expected.
    """
    if raw is None:
        raise ValueError("None is the same as leaving the key out; leave it out.")
    _check_contents(raw)
    try:
        value = getattr(msgspec.convert({name: raw}, kind), name)
    except msgspec.ValidationError as error:
        raise ValueError(str(error).split(" - at ")[0].replace(" | null", "") + ".") from None
    keys_of(kind)[name].check(value)
    if name == "methods":
        return {method: _overrides(method, overrides) for method, overrides in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _check_contents(raw: object) -> None:
    """Refuse what no contract, header or terminal could carry."""
    if isinstance(raw, str) and not raw.isprintable():
        raise ValueError("It contains a character that cannot be displayed.")
    if isinstance(raw, int | float) and abs(raw) >= NUMBER_LIMIT:
        raise ValueError("Number out of range.")
    parts = [*raw, *raw.values()] if isinstance(raw, dict) else raw
    if isinstance(parts, list | tuple | set):
        for part in parts:
            _check_contents(part)


def _overrides(method: str, overrides: dict[str, Any]) -> dict[str, Any]:
    if method not in HANDLERS:
        raise ValueError(f"There is no method {method!r}; methods are {', '.join(HANDLERS)}.")
    return {name: _override(method, name, raw) for name, raw in overrides.items()}


def _override(method: str, name: str, raw: object) -> Any:
    keys = keys_of(Function)
    if name not in keys:
        meant = near_miss(name, keys)
        hint = f" Did you mean {meant}?" if meant else ""
        raise ValueError(f"{method} has the unknown key {name!r}.{hint}")
    if not keys[name].by_method:
        raise ValueError(f"{name} applies to the whole file, so it cannot be set for {method} alone.")
    try:
        return read_value(Function, name, raw)
    except ValueError as error:
        raise ValueError(f"{method} has {name}={raw!r}: {error} {keys[name].cure}") from None

"""The only reader of the environment.

`load` reads a mapping once and returns a frozen `Settings`, or raises `SettingsError` with every fault at
once, by name and never by value.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from runtime.settings.dotenv import parse, read_files
from runtime.settings.faults import SettingsError, SettingsFault
from runtime.settings.opentelemetry import otel
from runtime.settings.own import Environment
from runtime.settings.rules import broken_rules
from runtime.settings.variable import Variable
from runtime.settings.variables import Settings

_OURS = ("ANNEX_", "CLERK_", "CORS_", "DATABASE_", "LOG_")

type Rule = Callable[[Settings], Iterable[SettingsFault]]


def load(environ: Mapping[str, str], *, checks: Iterable[Rule] = ()) -> Settings:
    """Build the settings from a mapping.

    Args:
        environ: names and texts.
        checks: what higher packages require of their own values.

    Raises:
        SettingsError: with every bad or missing variable.
    """
    faults = [*otel.faults(environ)]
    if name := otel.service_name(environ):
        environ = {
            "OTEL_SERVICE_NAME": name,
            **{each: text for each, text in environ.items() if text.strip()},
        }
    settings = _read(Settings, environ, faults)
    faults += broken_rules(settings)
    named = {fault.name for fault in faults}
    faults += [fault for check in checks for fault in check(settings) if fault.name not in named]
    if faults:
        raise SettingsError(tuple(faults))
    return msgspec.structs.replace(settings, own=Environment(environ))


def from_environment(overrides: Mapping[str, str] | None = None, *, checks: Iterable[Rule] = ()) -> Settings:
    """`load` this process's environment, over the `.env` files in development and tests.

    Raises:
        SettingsError: as `load`.
    """
    process = {**os.environ, **(overrides or {})}
    in_production = "RAILWAY_ENVIRONMENT_NAME" in process or process.get("ANNEX_ENV") == "production"
    mode = "test" if process.get("ANNEX_ENV") == "test" else "development"
    below = {} if in_production else read_files(Path(), mode, process)
    return load({**below, **process}, checks=[*checks, missing_folder])


def variables_of(file: Path | None) -> dict[str, str]:
    """Return the variables of a file, as `railway variables --kv` writes one; without a file, this process's.

    Raises:
        SettingsError: the file cannot be read.
    """
    if file is None:
        return dict(os.environ)
    try:
        return parse(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            (SettingsFault(str(file), "cannot be read: expected a readable UTF-8 file"),)
        ) from None


def missing_folder(settings: Settings) -> Iterator[SettingsFault]:
    """Yield the fault of a functions folder that is set and not there: every URL would be 404."""
    if settings.functions != Settings().functions and not settings.functions.is_dir():
        yield SettingsFault("ANNEX_FUNCTIONS", "expected a folder that is there; its files are the endpoints")


def unknown(names: Iterable[str]) -> Iterator[SettingsFault]:
    """Yield each variable that is spelt like one of ours and is none: it is set, and nothing reads it."""
    known = {name for variable, _ in variables() for name in variable.names}
    for name in sorted(name for name in set(names) - known if name.startswith(_OURS)):
        near = get_close_matches(name, known, n=1, cutoff=0.85)
        if name.startswith("ANNEX_") or near:
            meant = f"; did you mean {near[0]}?" if near else ""
            yield SettingsFault(name, f"is set, and there is no variable of that name{meant}")


def check_opentelemetry() -> None:
    """Refuse what OpenTelemetry's packages could not read: they read their variables when they are imported.

    Raises:
        SettingsError: before they could quote a value; with the faults of all variables.
    """
    if any(otel.faults(os.environ)):
        from_environment()


def prefer_stable_conventions() -> None:
    """Let OpenTelemetry's HTTP instrumentations use the stable conventions, unless told otherwise."""
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")


def variables() -> Iterator[tuple[Variable, Any]]:
    """Yield every variable with its default, in the order of `runtime.settings.variables`."""
    return ((variable, default) for variable, default, _ in effective(Settings()))


def effective(settings: Struct) -> Iterator[tuple[Variable, Any, Any]]:
    """Yield every variable with its default and the value in use."""
    hints = get_type_hints(type(settings), include_extras=True)
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Struct):
            yield from effective(value)
        elif not isinstance(value, Environment):
            yield hints[field.name].__metadata__[0], field.default, value


def _read[T: Struct](struct: type[T], environ: Mapping[str, str], faults: list[SettingsFault]) -> T:
    values: dict[str, Any] = {}
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if isinstance(field.default, Struct):
            values[field.name] = _read(type(field.default), environ, faults)
            continue
        if isinstance(field.default, Environment):
            continue
        wanted, variable = hints[field.name].__origin__, hints[field.name].__metadata__[0]
        name = next((name for name in variable.names if environ.get(name, "").strip()), None)
        if name is None:
            continue
        try:
            values[field.name] = _parse(environ[name].strip(), wanted)
        except ValueError as error:
            if all(fault.name != name for fault in faults):  # what has read it first has said more
                faults.append(SettingsFault(name, str(error)))
    return struct(**values)


def _parse(text: str, wanted: Any) -> Any:
    options = [option for option in get_args(wanted) if option is not type(None)]
    if type(None) in get_args(wanted):
        wanted = options[0]
    if get_origin(wanted) is Literal:
        return _one_of(text.lower(), get_args(wanted))
    if get_origin(wanted) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if wanted is bool:
        return _boolean(text)
    if wanted in {int, float}:
        return _number(text, wanted)
    return wanted(text)


_ALSO = {"warn": "warning", "err": "error", "critical": "error", "fatal": "error", "trace": "debug"}
"""What other programs call the levels of a log."""


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    text = text if text in allowed else _ALSO.get(text, text)
    if text not in allowed:
        raise ValueError(f"expected one of {', '.join(allowed)}")
    return text


def _boolean(text: str) -> bool:
    known = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in known:
        raise ValueError("expected true or false")
    return known[text.lower()]


def _number(text: str, kind: type[int] | type[float]) -> float:
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"expected {'a whole number' if kind is int else 'a number'}") from None
    if not 0 <= value < 2**31:
        raise ValueError("expected a number that is not negative")
    return value

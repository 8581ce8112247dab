"""The one door to the environment.

`load` reads a mapping once and returns a frozen `Settings`, or raises `SettingsError` with every fault at
once, by name and never by value. Nothing else in the project looks at the environment.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from runtime.settings import origins, otel
from runtime.settings.variables import Settings, Variable
from shared.database import InvalidDatabaseUrl, translate
from shared.secret import Secret

__all__ = ["Fault", "Settings", "SettingsError", "effective", "from_environment", "load", "variables"]


class Fault(NamedTuple):
    """One thing wrong with the environment: which name, what is wrong, what to do."""

    name: str
    problem: str


type Check = Callable[[Settings], Iterable[Fault]]


class SettingsError(Exception):
    """The environment cannot be used; lists every fault."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        lines = [f"  {fault.name}: {fault.problem}" for fault in faults]
        super().__init__("\n".join(["The settings cannot be used:", *lines]))
        self.faults = faults


def load(environ: Mapping[str, str], *, checks: Iterable[Check] = ()) -> Settings:
    """Build the settings from a mapping.

    Args:
        environ: names and texts.
        checks: what the rooms above know about values of theirs.

    Raises:
        SettingsError: with every bad or missing variable.
    """
    faults = [Fault(name, problem) for name, problem in otel.faults(environ)]
    settings = _read(Settings, environ, faults)
    faults += _contradictions(settings)
    named = {fault.name for fault in faults}
    faults += [fault for check in checks for fault in check(settings) if fault.name not in named]
    if faults:
        raise SettingsError(tuple(faults))
    return settings


def from_environment(overrides: Mapping[str, str] | None = None, *, checks: Iterable[Check] = ()) -> Settings:
    """`load` this process's environment, over a `.env` file in development.

    Raises:
        SettingsError: as `load`.
    """
    process = {**os.environ, **(overrides or {})}
    file = Path(".env")
    in_production = "RAILWAY_ENVIRONMENT_NAME" in process or process.get("ANNEX_ENV") == "production"
    try:
        below = {} if in_production or not file.is_file() else _dotenv(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError((Fault(".env", "cannot be read: it must be yours to read, and UTF-8"),)) from None
    return load({**below, **process}, checks=checks)


def variables() -> Iterator[tuple[Variable, Any]]:
    """Yield every variable with its default, in the order of the structs above; docs are made from it."""
    yield from _variables(Settings)


def _variables(struct: type[Struct]) -> Iterator[tuple[Variable, Any]]:
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if isinstance(field.default, Struct):
            yield from _variables(type(field.default))
        else:
            yield hints[field.name].__metadata__[0], field.default


def effective(settings: Struct) -> Iterator[tuple[Variable, Any, Any]]:
    """Yield every variable with its default and the value in use."""
    hints = get_type_hints(type(settings), include_extras=True)
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Struct):
            yield from effective(value)
        else:
            yield hints[field.name].__metadata__[0], field.default, value


def _read[T: Struct](struct: type[T], environ: Mapping[str, str], faults: list[Fault]) -> T:
    values: dict[str, Any] = {}
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if isinstance(field.default, Struct):
            values[field.name] = _read(type(field.default), environ, faults)
            continue
        wanted, variable = hints[field.name].__origin__, hints[field.name].__metadata__[0]
        name = next((name for name in variable.names if environ.get(name, "").strip()), None)
        if name is None:
            continue
        try:
            values[field.name] = _parse(environ[name].strip(), wanted)
        except ValueError as error:
            faults.append(Fault(name, str(error)))
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


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
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


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong although each value on its own is fine."""
    for problem in origins.faults(settings.cors.origins):
        yield Fault("CORS_ORIGINS", problem)
    if settings.cors.credentials and "*" in settings.cors.origins:
        yield Fault(
            "CORS_ORIGINS",
            "`*` together with CORS_CREDENTIALS would let any site act as the user; list the origins",
        )
    if settings.database.url is not None:
        try:
            translate(settings.database.url.reveal())
        except InvalidDatabaseUrl as refused:
            yield Fault("DATABASE_URL", str(refused))
    yield from _redis_faults(settings.redis_url)
    yield from _shape_faults(settings)
    if not 0 < settings.port < 65536:
        yield Fault("PORT", "expected a port between 1 and 65535")
    if not 0 <= settings.telemetry.sample_ratio <= 1:
        yield Fault("OTEL_TRACES_SAMPLER_ARG", "expected a share between 0 and 1")


def _redis_faults(url: Secret | None) -> Iterator[Fault]:
    if url is None:
        return
    if not url.reveal().startswith(("redis://", "rediss://", "unix://")):
        yield Fault("REDIS_URL", "expected redis://, rediss:// or unix://")
    elif find_spec("redis") is None:
        yield Fault("REDIS_URL", "is set, but its client is missing: install annex[redis], or unset it")
    elif not _is_read(_redis_reader(), url.reveal()):
        yield Fault(
            "REDIS_URL", "expected redis://user:password@host:port/number; percent-encode / ? # @ in it"
        )


def _redis_reader() -> Callable[[str], object]:
    from redis.asyncio.connection import parse_url

    return parse_url


def _shape_faults(settings: Settings) -> Iterator[Fault]:
    """Texts that are passed on, and would come back in an error of whoever cannot use them."""
    if not re.fullmatch(r"[A-Za-z0-9.:-]*", settings.host):
        yield Fault("HOST", "expected an address such as 0.0.0.0 or ::, without quotes and port")
    if not all(_is_read(ip_network, network) for network in settings.trusted_proxies):
        yield Fault("ANNEX_TRUSTED_PROXIES", "expected networks such as 100.64.0.0/10, separated by commas")
    url = settings.agents.openai_base_url
    if url and not is_url(url):
        yield Fault("OPENAI_BASE_URL", "expected an absolute URL without user, `?` or `#`")


def is_url(text: str) -> bool:
    """Whether a text is an absolute HTTP URL of host, port and path alone: nothing in it can be a secret."""
    return _is_read(_port_of, text) and re.fullmatch(r"https?://[^\s/?#@,]+(/[^\s?#@]*)?", text) is not None


def _port_of(url: str) -> int | None:
    return urlsplit(url).port


def _is_read(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _dotenv(text: str) -> dict[str, str]:
    """Read `NAME=value` lines; quotes around a value are taken off, `#` starts a comment line."""
    values = {}
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            values[name.strip()] = value[1:-1] if quoted else value
    return values

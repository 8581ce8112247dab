"""The keys of `Function` and `Folder`: which values each takes, checked before anything runs."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from runtime.config import REVERIFICATIONS, Folder, Function, grants_of, reverification_of
from runtime.routing.reading.names import METHODS, near_miss

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
HIGHEST = 1 << 31  # what every clock, counter and client can hold
LONGEST_PATH = 1000  # characters; what every proxy passes on
ONCE_PER_FILE = frozenset({"public", "webhook", "path", "methods"})

_CURES = {
    **dict.fromkeys(
        ("public", "org", "pending", "cancel_on_disconnect", "read_only"), "Write True or False."
    ),
    **dict.fromkeys(("feature", "plan"), 'Write it as Clerk does, such as "alerts" or "org:alerts".'),
    "summary": "Give a text.",
    "deprecated": "Write True or False.",
    "timeout": "Give seconds above 0, such as timeout=25.",
    "concurrency": "Give a number of calls, 1 or more.",
    "queue": "Give a number of calls, 0 or more.",
    "rate_limit": 'Write it as "20/minute" (second, minute, hour or day).',
    "max_body": "Give bytes, 0 or more.",
    "status": "Give a success status from 200 to 299.",
    "cache": "Give seconds, 0 or more.",
    "role": 'Write it as Clerk does, such as "org:admin".',
    "permission": 'Write it as Clerk does, such as "org:signals:read".',
    "reverification": f'Give one of {", ".join(REVERIFICATIONS)}, or {{"level": ..., "after_minutes": ...}}.',
    "token_types": 'Give a tuple of "session", "m2m_token", "oauth_token", "api_key".',
    "webhook": 'The one known scheme is "clerk".',
    "path": 'Give an absolute URL path without parameters, such as "/.well-known/x".',
    "methods": 'Write it as {"post": {"timeout": 60}}.',
    "tags": 'Give a tuple of texts, such as tags=("signals",).',
}


@cache
def known_keys(kind: type[Function] | type[Folder]) -> list[str]:
    """Return the keys in the order of their declaration."""
    return [field.name for field in msgspec.structs.fields(kind)]


def complain(name: str) -> str:
    """Return the cure for a bad value of this key."""
    return _CURES[name]


def read_value(kind: type[Function] | type[Folder], name: str, raw: object) -> Any:
    """Check one literal and return it in the type that the rest of the runtime uses.

    Raises:
        ValueError: it does not fit; the text says what was expected.
    """
    if raw is None:
        raise ValueError("None is the same as leaving the key out; leave it out.")
    _presentable(raw)
    try:
        value = getattr(msgspec.convert({name: raw}, kind), name)
    except msgspec.ValidationError as error:
        raise ValueError(str(error).split(" - at ")[0].replace(" | null", "") + ".") from None
    if check := _CHECKS.get(name):
        check(value)
    return tuple(value) if isinstance(value, list) else value


def rate_of(limit: str) -> tuple[int, int]:
    """Return ``"20/minute"`` as calls and seconds.

    Raises:
        ValueError: it is written differently.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,8})/(second|minute|hour|day)", limit)
    if not match:
        raise ValueError("Not a rate.")
    return int(match[1]), PERIODS[match[2]]


def _presentable(raw: object) -> None:
    """Refuse what no contract, header or terminal could carry."""
    if isinstance(raw, str) and not raw.isprintable():
        raise ValueError("It holds a character that cannot be shown.")
    if isinstance(raw, int | float) and abs(raw) >= HIGHEST:
        raise ValueError("Number out of range.")
    parts = [*raw, *raw.values()] if isinstance(raw, dict) else raw
    if isinstance(parts, list | tuple | set):
        for part in parts:
            _presentable(part)


def _above_zero(value: float) -> None:
    if not value > 0:
        raise ValueError("Expected more than 0.")


def _not_negative(value: int) -> None:
    if value < 0:
        raise ValueError("Expected 0 or more.")


def _rate(value: str) -> None:
    rate_of(value)


def _success(value: int) -> None:
    if not 200 <= value <= 299:
        raise ValueError("Not a success status.")


def _organization_scope(value: str) -> None:
    if not value.startswith("org:") or len(value) <= len("org:"):
        raise ValueError("Expected it to begin with 'org:'.")


def _not_empty(value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError("Expected at least one.")


def _url(value: str) -> None:
    segments = value.removeprefix("/").split("/")
    if not value.startswith("/") or any(part in {"", ".", ".."} for part in segments):
        raise ValueError("Not an absolute URL path.")
    if len(value) > LONGEST_PATH:
        raise ValueError(f"Longer than {LONGEST_PATH} characters.")
    if bad := re.search(r"[\s{}\[\]?#%\\]", value):
        raise ValueError(f"{bad[0]!r} cannot stand in it.")


def _methods(value: dict[str, dict[str, Any]]) -> None:
    for method, overrides in value.items():
        if method not in METHODS:
            raise ValueError(f"There is no method {method!r}; methods are {', '.join(METHODS)}.")
        for name, raw in overrides.items():
            if name in ONCE_PER_FILE:
                raise ValueError(f"{name} holds for the whole file, so it cannot be set for {method} alone.")
            if name not in known_keys(Function):
                meant = near_miss(name, known_keys(Function))
                hint = f" Did you mean {meant}?" if meant else ""
                raise ValueError(f"{method} has the unknown key {name!r}.{hint}")
            try:
                overrides[name] = read_value(Function, name, raw)
            except ValueError as error:
                raise ValueError(f"{method} has {name}={raw!r}: {error} {complain(name)}") from None


_CHECKS: dict[str, Callable[[Any], object]] = {
    "timeout": _above_zero,
    "concurrency": _above_zero,
    "queue": _not_negative,
    "rate_limit": _rate,
    "max_body": _not_negative,
    "status": _success,
    "cache": _not_negative,
    "role": _organization_scope,
    "permission": _organization_scope,
    "feature": grants_of,
    "plan": grants_of,
    "reverification": reverification_of,
    "token_types": _not_empty,
    "path": _url,
    "methods": _methods,
}

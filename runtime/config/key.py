"""What is declared with each key of a config: its meaning, its values, and how a folder's value binds."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from runtime.config.grants import grants_of
from runtime.config.memory import bytes_of
from runtime.config.rates import Rate
from runtime.config.reverification import Reverification

MAX_PATH = 1000  # characters; what every proxy passes on


class Order(Struct, frozen=True):
    """What may become of a folder's value below that folder.

    Attributes:
        words: the rule, for the documentation.
        holds: says whether the second value demands at least what the first does.
    """

    words: str
    holds: Callable[[Any, Any], bool]


def _anything(_outer: object, _inner: object) -> bool:
    return True


SAME = Order("stays", lambda outer, inner: inner == outer)
ON = Order("may be switched on, not off", lambda outer, inner: inner or not outer)
LESS = Order("may get smaller", lambda outer, inner: inner <= outer)
SMALLER = Order("may get smaller", lambda outer, inner: bytes_of(inner) <= bytes_of(outer))
SUBSET = Order("may lose members", lambda outer, inner: set(inner) <= set(outer))
SLOWER = Order("may get slower", lambda outer, inner: Rate.parse(inner).is_within(Rate.parse(outer)))
STRICTER = Order(
    "may get stricter and shorter",
    lambda outer, inner: Reverification.parse(inner).is_within(Reverification.parse(outer)),
)
INNER = Order("the file's value holds", _anything)
UNION = Order("add up", _anything)


def _accept(_value: Any) -> None:
    """Accept what is of the right type."""


class Key(Struct, frozen=True, kw_only=True):
    """All that is known of a key beside its name, type and default; stands in the key's annotation.

    Attributes:
        doc: what it means, for the documentation.
        cure: what to write in place of a wrong value.
        check: raises ValueError for a value of the right type that cannot be used; its text says why.
        below: of a key that a folder may set, what may become of its value below that folder.
        is_demand: it demands something of the caller, so it excludes `public` and `webhook`.
        needs_caller: it depends on who calls, and excludes them too.
        by_method: it may be set for one method alone.
        is_of_job: only a file with a `job` may set it.
    """

    doc: str
    cure: str
    check: Callable[[Any], None] = _accept
    below: Order | None = None
    is_demand: bool = False
    needs_caller: bool = False
    by_method: bool = True
    is_of_job: bool = False


def above_zero(value: float) -> None:
    """Refuse 0 and less."""
    if not value > 0:
        raise ValueError("Expected more than 0.")


def not_negative(value: int) -> None:
    """Refuse less than 0."""
    if value < 0:
        raise ValueError("Expected 0 or more.")


def not_empty(value: Sequence[str]) -> None:
    """Refuse an empty tuple."""
    if not value:
        raise ValueError("Expected at least one.")


def success_status(value: int) -> None:
    """Refuse what is not 2xx."""
    if not 200 <= value <= 299:
        raise ValueError("Not a success status.")


def organization_scope(value: str) -> None:
    """Refuse a role or permission without Clerk's prefix."""
    if not value.startswith("org:") or len(value) <= len("org:"):
        raise ValueError("Expected it to begin with 'org:'.")


def grant(value: str) -> None:
    """Refuse a feature or plan that no session can have."""
    grants_of(value)


def url_path(value: str) -> None:
    """Refuse what is not the path of one URL."""
    segments = value.removeprefix("/").split("/")
    if not value.startswith("/") or any(part in {"", ".", ".."} for part in segments):
        raise ValueError("Not an absolute URL path.")
    if len(value) > MAX_PATH:
        raise ValueError(f"Longer than {MAX_PATH} characters.")
    if bad := re.search(r"[\s{}\[\]?#%\\]", value):
        raise ValueError(f"{bad[0]!r} is not allowed in it.")


def rate_text(value: str) -> None:
    """Refuse what is not a rate."""
    Rate.parse(value)


def cron_text(value: str) -> None:
    """Refuse what is not a cron expression of five fields."""
    from cronsim import CronSim, CronSimError

    if len(value.split()) != 5:
        raise ValueError("Expected five fields.")
    try:
        next(CronSim(value, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise ValueError("Not a cron expression, or it never comes.") from None


def timezone_name(value: str) -> None:
    """Refuse what is not a time zone of this machine."""
    try:
        ZoneInfo(value)
    except (ValueError, KeyError, OSError):  # also a path, or a folder of the database
        raise ValueError("There is no such time zone.") from None


def memory_size(value: str | int) -> None:
    """Refuse what is no memory to run a function in."""
    bytes_of(value)


def reverification_value(value: str | dict[str, Any]) -> None:
    """Refuse what is not a reverification."""
    Reverification.parse(value)

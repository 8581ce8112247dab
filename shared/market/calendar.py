"""The trading calendar of the New York exchanges: trading days, sessions in UTC, windows of days.

The app computes the same in `client/market/calendar.ts`; `contracts/vectors/calendar.json` holds both to it.
The rules are those in force since 2022, so earlier years are refused rather than guessed. No time zone
database is read.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct

FIRST_YEAR = 2022
SPECIAL_CLOSURES = {date(2025, 1, 9): "National day of mourning"}
"""Days that no rule foresees."""

OPEN, CLOSE, EARLY_CLOSE = time(9, 30), time(16), time(13)
"""Local times in New York."""

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
ONE_DAY = timedelta(days=1)


class Session(Struct, frozen=True):
    """One day's regular trading, as moments in UTC.

    Attributes:
        opens: first moment.
        closes: first moment after.
        early: the day ends at 13:00 in New York.
    """

    opens: datetime
    closes: datetime
    early: bool


def holiday(day: date) -> str | None:
    """Return the holiday that closes the exchanges on `day`, None where there is none.

    Raises:
        ValueError: `day` is before 2022.
    """
    if day.year < FIRST_YEAR:
        raise ValueError(f"the calendar begins in {FIRST_YEAR}, got {day.isoformat()}")
    return SPECIAL_CLOSURES.get(day) or _holidays(day.year).get(day)


def is_trading_day(day: date) -> bool:
    """Return whether the exchanges open on `day`."""
    return holiday(day) is None and day.weekday() < SATURDAY


def session(day: date) -> Session | None:
    """Return the regular session of `day`, None when closed."""
    if not is_trading_day(day):
        return None
    early = _closes_early(day)
    offset = timedelta(hours=4 if _is_summer(day) else 5)
    opens = datetime.combine(day, OPEN, UTC) + offset
    closes = datetime.combine(day, EARLY_CLOSE if early else CLOSE, UTC) + offset
    return Session(opens, closes, early)


def next_trading_day(day: date) -> date:
    """Return the first trading day after `day`."""
    return next(_walk(day, ONE_DAY))


def previous_trading_day(day: date) -> date:
    """Return the last trading day before `day`."""
    return next(_walk(day, -ONE_DAY))


def window(end: date, days: int) -> tuple[date, date]:
    """Return the first and last day of the `days` trading days that end on `end`, or before it when closed.

    Raises:
        ValueError: `days` is not positive, or the window begins before 2022.
    """
    if days < 1:
        raise ValueError(f"a window has at least one day, got {days}")
    last = end if is_trading_day(end) else previous_trading_day(end)
    first = last
    for _ in range(days - 1):
        first = previous_trading_day(first)
    return first, last


def _walk(day: date, step: timedelta) -> Iterator[date]:
    while True:
        day += step
        if is_trading_day(day):
            yield day


def _holidays(year: int) -> dict[date, str]:
    fixed = {
        "Juneteenth": date(year, 6, 19),
        "Independence Day": date(year, 7, 4),
        "Christmas Day": date(year, 12, 25),
    }
    floating = {
        "Martin Luther King Jr. Day": _nth(year, 1, MONDAY, 3),
        "Presidents' Day": _nth(year, 2, MONDAY, 3),
        "Good Friday": _easter(year) - 2 * ONE_DAY,
        "Memorial Day": _last_monday_of_may(year),
        "Labor Day": _nth(year, 9, MONDAY, 1),
        "Thanksgiving Day": _nth(year, 11, THURSDAY, 4),
    }
    days = {_observed(day): name for name, day in fixed.items()} | {
        day: name for name, day in floating.items()
    }
    new_year = date(year, 1, 1)
    # The exchanges do not close on the last Friday of a year for a New Year's Day that is a Saturday.
    if new_year.weekday() != SATURDAY:
        days[_observed(new_year)] = "New Year's Day"
    return days


def _observed(day: date) -> date:
    if day.weekday() == SATURDAY:
        return day - ONE_DAY
    return day + ONE_DAY if day.weekday() == SUNDAY else day


def _closes_early(day: date) -> bool:
    after_thanksgiving = _nth(day.year, 11, THURSDAY, 4) + ONE_DAY
    return day == after_thanksgiving or (day.month, day.day) in {(7, 3), (12, 24)}


def _is_summer(day: date) -> bool:
    """New York's clock is ahead from March's second Sunday to November's first."""
    return _nth(day.year, 3, SUNDAY, 2) <= day < _nth(day.year, 11, SUNDAY, 1)


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _easter(year: int) -> date:
    """Gauss's algorithm in the form of Meeus, Jones and Butcher, for the Gregorian calendar."""
    century, rest = divmod(year, 100)
    golden = year % 19
    skipped = century // 4
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - skipped - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)

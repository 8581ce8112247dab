"""Ratios of decimals, rounded half to even from the exact value: never through a binary float, never twice.

`client/rounding.ts` implements the same; both run `contracts/vectors/rounding.json`.
"""

import re
from decimal import Decimal

NUMBER_LIMIT = 40  # characters; the app's widest column has 28 digits
MAX_PLACES = 18


def round_ratio(numerator: str | Decimal, denominator: str | Decimal, places: int = 6) -> Decimal:
    """Return `numerator / denominator` with exactly `places` decimals.

    Raises:
        ValueError: a number is not a plain decimal, `denominator` is zero, or `places` is not 0 to 18.
    """
    if not 0 <= places <= MAX_PLACES:
        raise ValueError(f"places must be 0 to {MAX_PLACES}, got {places}")
    (above, above_scale), (below, below_scale) = _integer(numerator), _integer(denominator)
    if below == 0:
        raise ValueError("the denominator must not be zero")
    if below < 0:
        above, below = -above, -below
    scaled = _divide(above * 10 ** (below_scale + places), below * 10**above_scale)
    return Decimal(scaled).scaleb(-places)


def round_decimal(value: str | Decimal, places: int) -> Decimal:
    """Return `value` with exactly `places` decimals; minus zero becomes zero.

    Raises:
        ValueError: as `round_ratio`.
    """
    return round_ratio(value, "1", places)


def _integer(number: str | Decimal) -> tuple[int, int]:
    """Return `(n, s)` such that the number is `n / 10**s`."""
    text = f"{number:f}" if isinstance(number, Decimal) else number
    if len(text) > NUMBER_LIMIT or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        raise ValueError("expected a decimal number such as -12.50")
    whole, _, fraction = text.partition(".")
    return int(whole + fraction), len(fraction)


def _divide(above: int, below: int) -> int:
    """Divide integers, half to even; `below` is positive."""
    quotient, rest = divmod(above, below)
    twice = 2 * rest
    return quotient + 1 if twice > below or (twice == below and quotient % 2) else quotient

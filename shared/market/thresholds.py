"""From a reading to a regime: two thresholds with a band between them, so that noise does not flip it.

The app computes the same in `client/market/thresholds.ts`; `contracts/vectors/thresholds.json` holds both
to it.
"""

from decimal import Decimal

from msgspec import Struct

from shared.market.signals import Regime


class Thresholds(Struct, frozen=True):
    """Where a signal's regimes begin.

    Attributes:
        risk_on: at or above it, risk on.
        risk_off: at or below it, risk off.
        release: how far back inside the band a reading must come before a regime is left; 0 is at once.
    """

    risk_on: Decimal
    risk_off: Decimal
    release: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        """Refuse thresholds under which a reading could be both, or a regime could never be left."""
        if not self.risk_off < self.risk_on:
            raise ValueError("risk_off must be below risk_on")
        if not 0 <= self.release < self.risk_on - self.risk_off:
            raise ValueError("release must be zero or more, and smaller than the band")


def regime(reading: Decimal, thresholds: Thresholds, previous: Regime | None = None) -> Regime:
    """Return the regime of `reading`, given the one before it.

    Raises:
        ValueError: `reading` is not a finite number.
    """
    if not reading.is_finite():
        raise ValueError("a reading must be a finite number")
    if reading >= thresholds.risk_on:
        return Regime.RISK_ON
    if reading <= thresholds.risk_off:
        return Regime.RISK_OFF
    if previous is Regime.RISK_ON and reading > thresholds.risk_on - thresholds.release:
        return Regime.RISK_ON
    if previous is Regime.RISK_OFF and reading < thresholds.risk_off + thresholds.release:
        return Regime.RISK_OFF
    return Regime.NEUTRAL

"""The example's domain: readings, regimes, the exchange's calendar. A service of your own deletes it."""

from shared.market.regime import RegimeReport, assess, readings
from shared.market.signals import (
    HistoryPoint,
    NewSignal,
    Regime,
    Signal,
    SignalPage,
    Symbol,
    delete_signals,
    latest_signal,
    list_signals,
    record_signal,
    record_unless_known,
    signal_history,
)

__all__ = [
    "HistoryPoint",
    "NewSignal",
    "Regime",
    "RegimeReport",
    "Signal",
    "SignalPage",
    "Symbol",
    "assess",
    "delete_signals",
    "latest_signal",
    "list_signals",
    "readings",
    "record_signal",
    "record_unless_known",
    "signal_history",
]

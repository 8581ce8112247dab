"""Values of numpy and pandas as Python's own. Neither is imported here: who returns such a value has it."""

from collections.abc import Callable
from typing import Any

_FINER_THAN_PYTHON = ("[ns]", "[ps]", "[fs]", "[as]")


def native(value: Any) -> Any:
    """Return a scalar or array of numpy, or a moment of pandas, as Python's own; anything else as it is."""
    read = _READERS.get(type(value).__module__.partition(".")[0])
    return value if read is None else read(value)


def _numpy(value: Any) -> Any:
    kind = str(getattr(value, "dtype", ""))
    if kind.endswith(_FINER_THAN_PYTHON):
        value = value.astype(kind.partition("[")[0] + "[us]")
    return value.tolist() if hasattr(value, "tolist") else value


def _pandas(value: Any) -> Any:
    read = _MOMENTS.get(type(value).__name__)
    return value if read is None else read(value)


_MOMENTS: dict[str, Callable[[Any], Any]] = {
    "NaTType": lambda _: None,
    "NAType": lambda _: None,
    "Timestamp": lambda value: value.to_pydatetime(warn=False),
    "Timedelta": lambda value: value.to_pytimedelta(),
}
_READERS = {"numpy": _numpy, "pandas": _pandas}

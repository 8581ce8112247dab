"""A value that must not be shown: it has no readable text unless asked for by name."""


class Secret:
    """Wraps a string; `repr`, `str`, f-strings and JSON encoders never see it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself; every call is a place to look at in review."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

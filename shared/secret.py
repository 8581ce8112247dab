"""A string that must not be shown; only `reveal` returns it."""


class Secret:
    """Wraps a string and hides it from `repr`, `str`, f-strings and JSON encoders."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string; review every call of this."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class MadeSecret(Secret):
    """A secret that a service made for itself; nothing that outlives the service may depend on it."""

    __slots__ = ()

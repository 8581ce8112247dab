"""Attributes that come together on many spans and measurements, such as those of one statement.

Whoever tells them again and again gives the same set, so that its bytes can be remembered.
"""

from collections.abc import Mapping

type Plain = str | bool | int | float


class AttributeSet(dict[str, Plain]):
    """A mapping that is never changed once it was made, and can be the key of another.

    Attributes:
        longest: characters of its longest text.
        written: its bytes, as whoever writes it down wants to remember them.
    """

    __slots__ = ("_hash", "longest", "written")

    def __init__(self, attributes: Mapping[str, Plain] | None = None) -> None:
        super().__init__(attributes or {})
        self.written: bytes | None = None
        self.longest = max((len(value) for value in self.values() if isinstance(value, str)), default=0)
        # True is 1 to a dict; to who reads the attributes it is not.
        self._hash = hash(frozenset((key, type(value), value) for key, value in self.items()))

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none, because it may change
        return self._hash

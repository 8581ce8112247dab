"""A set of attributes that many spans and measurements share, such as those of one statement.

Reusing one object lets the exporter cache its encoded bytes.
"""

from collections.abc import Mapping

type Plain = str | bool | int | float


class AttributeSet(dict[str, Plain]):
    """An immutable, hashable mapping.

    Attributes:
        longest: length of its longest string, in characters.
        written: its encoded bytes, cached by the exporter.
    """

    __slots__ = ("_hash", "longest", "written")

    def __init__(self, attributes: Mapping[str, Plain] | None = None) -> None:
        super().__init__(attributes or {})
        self.written: bytes | None = None
        self.longest = max((len(value) for value in self.values() if isinstance(value, str)), default=0)
        # A dict treats True and 1 as equal; in attributes they differ.
        self._hash = hash(frozenset((key, type(value), value) for key, value in self.items()))

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none, because it is mutable
        return self._hash

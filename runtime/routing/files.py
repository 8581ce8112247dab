"""One function file before it runs (`FunctionFile`), and what became of it (`CompiledFile`)."""

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from runtime.config import METHODS, Policy
from runtime.routing.importing.loading import Loaded
from runtime.routing.operation import Operation
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import Segment
from runtime.routing.reading.source import Source
from runtime.routing.reading.tree import template_of


class FunctionFile(Struct, frozen=True, kw_only=True):
    """What is known of a file before it runs; each step of discovery returns a new one.

    Attributes:
        source: what it says.
        text: its bytes.
        segments: its URL, None where it has none to refuse at.
        policies: of each of its methods; empty where they cannot be trusted.
        faults: everything that is wrong with it so far.
    """

    source: Source
    text: bytes
    segments: tuple[Segment, ...] | None
    policies: dict[str, Policy] = {}
    faults: tuple[Fault, ...] = ()

    @property
    def file(self) -> str:
        """Path below the functions folder."""
        return self.source.file

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it answers, or may: a file that cannot be read claims them all."""
        return tuple(self.source.methods) or METHODS

    @property
    def template(self) -> str:
        """Its URL; ``/`` where it has none."""
        return template_of(self.segments or ())

    def with_faults(self, *faults: Fault) -> Self:
        """Return it with these faults as well."""
        if not faults:
            return self
        return replace(self, faults=tuple(dict.fromkeys((*self.faults, *faults))))

    def fault(self, line: int, found: str, cure: str) -> Fault:
        """Return a fault in this file."""
        return Fault(file=self.file, line=line, found=found, cure=cure)


class CompiledFile(Struct, frozen=True):
    """What became of a file: it was imported and judged, or it was left alone because of its faults.

    Attributes:
        before: the file before it ran.
        faults: those of before, and those found since.
        loaded: its module, None where it has not run to its end.
        operations: of each method; none may be served while there are faults.
    """

    before: FunctionFile
    faults: tuple[Fault, ...]
    loaded: Loaded | None = None
    operations: tuple[Operation, ...] = ()

    @property
    def file(self) -> str:
        """Path below the functions folder."""
        return self.before.file

    @property
    def seconds(self) -> float | None:
        """How long the import took."""
        return self.loaded.seconds if self.loaded else None

    def with_faults(self, *faults: Fault) -> Self:
        """Return it with these faults as well."""
        if not faults:
            return self
        return replace(self, faults=tuple(dict.fromkeys((*self.faults, *faults))))

    def with_known_types(self, names: frozenset[str]) -> Self:
        """Return it with what the committed contract calls its types."""
        if all(each.known_types == names for each in self.operations):
            return self
        return replace(self, operations=tuple(replace(each, known_types=names) for each in self.operations))

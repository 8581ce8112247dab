"""One function file before it runs (`FunctionFile`), and what became of it (`CompiledFile`)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from runtime.config import METHODS, Endpoint, Policy
from runtime.routing.annotations.describe import schema_of, spell
from runtime.routing.conflicts import Standing, Use
from runtime.routing.importing.difference import differences
from runtime.routing.importing.loading import Loaded, Loader
from runtime.routing.incumbents import Incumbents, canonical
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Operation
from runtime.routing.reading.cascade import folders_above, lay
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import Segment
from runtime.routing.reading.source import Source
from runtime.routing.reading.tree import Candidate, template_of
from runtime.routing.signature import Handler, Signature, read_signature


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

    def uses(self, known: Incumbents) -> Iterator[Use]:
        """Yield the use of each path parameter in each operation."""
        for operation in self.operations:
            template = operation.endpoint.template
            method = operation.endpoint.method.lower()
            line = self.before.source.methods[method]
            for given in operation.inputs:
                if given.kind is InputKind.PATH:
                    position = template[: template.index(f"{{{given.name}}}") + len(given.name) + 2]
                    had = known.kinds.get((self.file, template, given.name))
                    # The lock knows the file, but not the type.
                    is_listed = method in known.methods.get((self.file, template), ())
                    is_same = is_listed if had is None else had == canonical(schema_of(given.annotation))
                    standing = Standing.INCUMBENT if is_same else Standing.NEW
                    yield Use(self.file, line, position, spell(given.annotation), standing)


def read_file(candidate: Candidate, text: bytes, source: Source) -> FunctionFile:
    """Begin with what the name of a file and its text say."""
    faults = (*candidate.faults, *source.faults)
    return FunctionFile(source=source, text=text, segments=candidate.segments, faults=faults)


def with_policy(
    each: FunctionFile, folders: dict[str, Source], folder_faults: Mapping[str, Sequence[Fault]]
) -> FunctionFile:
    """Combine its policies; one that cannot be read, or a folder's above it, leaves the file closed."""
    broken = next((path for path in folders_above(each.file) if folder_faults.get(path)), None)
    if broken:
        found = f"The policy of its folder is broken: {folder_faults[broken][0]}"
        return each.with_faults(each.fault(0, found, f"Correct {folder_faults[broken][0].file}."))
    if each.source.config is None:
        return each
    policies, faults = lay(each.source, folders)
    settled = replace(each, policies=policies).with_faults(*faults)
    path = each.source.config.get("path")
    return _moved(settled, path.value, path.line) if path else settled


def _moved(each: FunctionFile, path: str, line: int) -> FunctionFile:
    if each.segments is not None and any(segment.kind != "static" for segment in each.segments):
        found = f"path={path!r} replaces the URL of the file's name, and with it its parameters."
        return each.with_faults(
            each.fault(line, found, "Give the file a name without brackets, or remove path.")
        )
    return replace(each, segments=tuple(Segment("static", part) for part in path.strip("/").split("/")))


def without_reserved(each: FunctionFile, reserved: frozenset[str]) -> FunctionFile:
    """Give up a URL that belongs to the runtime: not even a refusal may take its place."""
    if each.segments is None or each.template not in reserved:
        return each
    fault = each.fault(0, f"{each.template} is reserved for the runtime.", "Choose another name.")
    return replace(each.with_faults(fault), segments=None)


def compile_file(each: FunctionFile, loader: Loader, known: CompiledFile | None) -> CompiledFile:
    """Import a file and read its handlers; one with faults is not run.

    Args:
        each: the file.
        loader: of its folder.
        known: what became of it before. It still is that where nothing that is known of it has changed; where
            its text is the same, its module serves.
    """
    if each.faults or each.segments is None:
        return CompiledFile(each, each.faults)
    if known is not None and known.before == each and not known.faults:
        return known
    judge = partial(_judged, each)
    # An annotation is code of the file as well, and may do anything.
    if known is not None and known.loaded and known.before.text == each.text:
        judged = loader.guard.run(each.file, "Reading the signature", partial(judge, known.loaded))
    else:
        judged = loader.load(each.file, each.text, judge)
    return judged if isinstance(judged, CompiledFile) else CompiledFile(each, (judged,))


def _judged(each: FunctionFile, loaded: Loaded) -> CompiledFile:
    path = {segment.text: segment.kind for segment in each.segments or () if segment.kind != "static"}
    operations: list[Operation] = []
    faults = differences(each.source, loaded.module)
    if faults:
        return CompiledFile(each, tuple(faults), loaded)
    for method, line in each.source.methods.items():
        function: Any = vars(loaded.module)[method]
        handler = Handler(each.file, line, method, function, path, each.policies[method])
        signature, found_faults = read_signature(handler)
        faults += found_faults
        if signature is not None:
            operations.append(_operation(each, handler, signature))
    taken = {given.name for operation in operations for given in operation.inputs}
    if not faults:
        faults = [
            each.fault(
                0,
                f"No handler takes the path parameter {name!r}.",
                f"Add `{name}: str` to one, or rename the file.",
            )
            for name in path
            if name not in taken
        ]
    return CompiledFile(each, tuple(faults), loaded, tuple(operations))


def _operation(each: FunctionFile, handler: Handler, signature: Signature) -> Operation:
    endpoint = Endpoint(
        method=handler.method.upper(),
        template=each.template,
        file=each.file,
        policy=handler.policy,
        stream=signature.event is not None,
    )
    doc = handler.function.__doc__
    return Operation(
        endpoint=endpoint,
        function=handler.function,
        inputs=signature.inputs,
        returns=signature.returns,
        event=signature.event,
        replies=signature.replies,
        redirects=signature.redirects,
        doc=(str.__str__(doc) if issubclass(type(doc), str) else None) or each.source.doc,
        text=each.text,
        segments=each.segments or (),
    )

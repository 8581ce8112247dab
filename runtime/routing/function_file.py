"""The steps of one function file: it is given its policies and a URL, imported and judged."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from runtime.config import Endpoint
from runtime.routing.annotations.describe import schema_of, spell
from runtime.routing.conflicts import Standing, Use
from runtime.routing.files import CompiledFile, FunctionFile
from runtime.routing.importing.difference import differences
from runtime.routing.importing.loading import Loaded, Loader
from runtime.routing.incumbents import Incumbents, canonical
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Operation
from runtime.routing.reading.cascade import folders_above, lay
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import Segment
from runtime.routing.reading.source import Source
from runtime.routing.reading.tree import Candidate
from runtime.routing.signature import Handler, Signature, read_signature


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


def uses(each: CompiledFile, known: Incumbents) -> Iterator[Use]:
    """Yield the use of each path parameter in each operation."""
    for operation in each.operations:
        template = operation.endpoint.template
        method = operation.endpoint.method.lower()
        line = each.before.source.methods[method]
        for given in operation.inputs:
            if given.kind is InputKind.PATH:
                position = template[: template.index(f"{{{given.name}}}") + len(given.name) + 2]
                had = known.kinds.get((each.file, template, given.name))
                # The lock knows the file, but not the type.
                is_listed = method in known.methods.get((each.file, template), ())
                is_same = is_listed if had is None else had == canonical(schema_of(given.annotation))
                standing = Standing.INCUMBENT if is_same else Standing.NEW
                yield Use(each.file, line, position, spell(given.annotation), standing)


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

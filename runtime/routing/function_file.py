"""One function file on its way through discovery: read, given its policies, imported, judged, compiled."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from runtime.config import Endpoint, Policy
from runtime.routing import handlers
from runtime.routing.calling.operation import Operation
from runtime.routing.conflicts import Use
from runtime.routing.importing.loading import Loaded, Loader
from runtime.routing.reading.cascade import folders_above, lay
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import METHODS, Segment
from runtime.routing.reading.source import Source
from runtime.routing.reading.tree import Candidate, template_of
from runtime.routing.signature import Handler, Signature, read_signature, spell
from runtime.routing.table import Imported, Route


class FunctionFile:
    """What is known about one file; every step adds to it.

    Attributes:
        file: path below the functions folder.
        text: its bytes.
        segments: its URL, None where it has none to refuse at.
        source: what it says before it runs.
        faults: everything that is wrong with it.
        policies: of each of its methods.
        imported: its module, once that has run.
        operations: of each method that is in order.
        routes: of each operation.
        uses: of each path parameter, in each operation.
    """

    def __init__(self, candidate: Candidate, text: bytes, source: Source) -> None:
        self.file = candidate.file
        self.segments = candidate.segments
        self.text = text
        self.source = source
        self.faults: list[Fault] = [*candidate.faults, *self.source.faults]
        self.policies: dict[str, Policy] = {}
        self.imported: Loaded | None = None
        self.operations: list[Operation] = []
        self.routes: list[Route] = []
        self.uses: list[Use] = []

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it answers, or may: a file that cannot be read claims them all."""
        return tuple(self.source.methods) or METHODS

    def settle_policy(self, folders: dict[str, Source], folder_faults: dict[str, list[Fault]]) -> None:
        """Lay its policies; one that cannot be read, or a folder's above it, leaves the file closed."""
        broken = next((path for path in folders_above(self.file) if folder_faults.get(path)), None)
        if broken:
            found = f"The policy of its folder cannot be trusted: {folder_faults[broken][0]}"
            self._fault(0, found, f"Correct {broken}.")
        elif self.source.config is not None:
            self.policies, faults = lay(self.source, folders)
            self.faults += faults
            if path := self.source.config.get("path"):
                self._move(path.value, path.line)

    def refuse_reserved(self, reserved: frozenset[str]) -> None:
        """Give up a URL that is the runtime's own: not even a refusal stands in its way."""
        if self.segments is not None and (url := template_of(self.segments)) in reserved:
            self._fault(0, f"{url} is the runtime's own URL.", "Choose another name.")
            self.segments = None

    def take_in(self, loader: Loader, known: Imported | None) -> None:
        """Import, judge and compile it.

        Args:
            loader: of its folder.
            known: what an earlier import made of it, used where the text is the same.
        """
        loaded = self._load(loader, known)
        if loaded is not None:
            # An annotation is code of the file as well, and may do anything.
            judged = loader.guard.run(self.file, "Reading the signature", partial(self._judge, loaded))
            if isinstance(judged, Fault):
                self.faults.append(judged)

    def _fault(self, line: int, found: str, cure: str) -> None:
        self.faults.append(Fault(file=self.file, line=line, found=found, cure=cure))

    def _move(self, path: str, line: int) -> None:
        if self.segments is not None and any(segment.kind != "static" for segment in self.segments):
            found = f"path={path!r} replaces the URL that the file's name tells, and with it its parameters."
            self._fault(line, found, "Give the file a name without brackets, or drop path.")
        else:
            self.segments = tuple(Segment("static", part) for part in path.strip("/").split("/"))

    def _load(self, loader: Loader, known: Imported | None) -> Loaded | None:
        if self.source.code is None or self.segments is None:
            return None
        is_known = known is not None and known.text == self.text
        loaded = known.loaded if known and is_known else loader.load(self.file, self.source.code)
        if isinstance(loaded, Fault):
            self.faults.append(loaded)
            return None
        self.imported = loaded
        return loaded

    def _judge(self, loaded: Loaded) -> None:
        path = {segment.text: segment.kind for segment in self.segments or () if segment.kind != "static"}
        for method, line in self.source.methods.items():
            function: Any = getattr(loaded.module, method, None)
            if not callable(function) or isinstance(function, type):
                found = f"{method} is no longer a function once the file has run."
                self._fault(line, found, "Do not assign over it.")
                continue
            handler = Handler(self.file, line, method, function, path, self.policies[method])
            signature, faults = read_signature(handler)
            self.faults += faults
            if signature is not None:
                self.operations.append(self._operation(handler, signature))
        taken = {given.name for operation in self.operations for given in operation.inputs}
        for name in path:
            if name not in taken and not self.faults:
                found = f"No handler takes the path parameter {name!r}."
                self._fault(0, found, f"Add `{name}: str` to one, or rename the file.")
        self.routes = [self._route(operation) for operation in self.operations]
        self.uses = [use for operation in self.operations for use in self._uses(operation)]

    def _uses(self, operation: Operation) -> Iterator[Use]:
        template = operation.endpoint.template
        for given in operation.inputs:
            if given.source == "path":
                position = template[: template.index(f"{{{given.name}}}") + len(given.name) + 2]
                line = self.source.methods[operation.endpoint.method.lower()]
                yield Use(self.file, line, position, spell(given.annotation))

    def _operation(self, handler: Handler, signature: Signature) -> Operation:
        endpoint = Endpoint(
            method=handler.method.upper(),
            template=template_of(self.segments or ()),
            file=self.file,
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
            doc=(str.__str__(doc) if issubclass(type(doc), str) else None) or self.source.doc,
        )

    def _route(self, operation: Operation) -> Route:
        segments = self.segments or ()
        return Route(
            endpoint=operation.endpoint,
            segments=segments,
            operation=operation,
            handler=handlers.serve(operation, segments),
            seconds=self.imported.seconds if self.imported else None,
        )

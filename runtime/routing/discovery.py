"""From a folder to a route table: list, read, lay policies, import, judge, compile; each file on its own.

No file can stop another. Whatever is wrong with one becomes a `Fault`, and its routes, as far as its
name and config tell, are kept and refuse to serve.
"""

import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runtime.config import Endpoint, Policy
from runtime.routing import handlers
from runtime.routing.cascade import check_folder, folders_above, lay
from runtime.routing.conflicts import Claim, between_files, between_operations
from runtime.routing.faults import Fault
from runtime.routing.loading import Loaded, Loader
from runtime.routing.names import METHODS, Segment
from runtime.routing.operation import Operation
from runtime.routing.signature import Handler, read_signature
from runtime.routing.source import Source, read_folder, read_function
from runtime.routing.table import Imported, Route, RouteTable
from runtime.routing.tree import Candidate, list_files, read_tree, shape_of, template_of

logger = logging.getLogger(__name__)

RESERVED_URLS = frozenset({"/health", "/health/live", "/health/ready", "/openapi.json", "/docs"})


class FunctionFile:
    """One file on its way through discovery; every step adds what it has found."""

    def __init__(self, candidate: Candidate, text: bytes | Fault) -> None:
        source = (
            Source(candidate.file, None, {}, None, None, (text,))
            if isinstance(text, Fault)
            else read_function(candidate.file, text)
        )
        self.text = b"" if isinstance(text, Fault) else text
        self.imported: Loaded | None = None
        self.file = candidate.file
        self.segments = candidate.segments
        self.source = source
        self.faults: list[Fault] = [*candidate.faults, *source.faults]
        self.policies: dict[str, Policy] = {}
        self.operations: list[Operation] = []
        self.routes: list[Route] = []

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it answers, or may: a file that cannot be read claims them all."""
        return tuple(self.source.methods) or METHODS


def discover(
    root: Path,
    *,
    import_budget: float = 10.0,
    reserved: frozenset[str] = RESERVED_URLS,
    previous: RouteTable | None = None,
    stale: frozenset[str] = frozenset(),
) -> RouteTable:
    """Build the route table of a functions folder.

    Never raises for a bad file: that is quarantined, and told in `RouteTable.faults`.

    Args:
        root: the folder.
        import_budget: seconds one file may take to import.
        reserved: URLs that are the runtime's own.
        previous: an earlier table of the same folder; files whose text is still the same are not run again.
        stale: files to run again all the same, because something that they import has changed.
    """
    if not root.is_dir():
        found = f"There is no folder {root.as_posix()}."
        return RouteTable(
            root, (), (Fault(file="", line=0, found=found, cure="Create it, or set ANNEX_FUNCTIONS."),)
        )
    listing, stray = list_files(root)
    tree = read_tree(listing)
    stray += tree.faults
    folders, folder_faults = _read_folders(root, tree.folders)
    files = [FunctionFile(each, _read(root, each.file)) for each in tree.candidates]
    for each in files:
        _settle_policy(each, folders, folder_faults)
    _spread(files, between_files(_claims(files)))
    for each in files:
        _refuse_reserved(each, reserved)
    loader = Loader(root, import_budget)
    if previous is None:
        loader.forget()
    known = {} if previous is None else {file: it for file, it in previous.files.items() if file not in stale}
    for each in files:
        if not each.faults:
            with _contained(each):
                _import(each, loader, known.get(each.file))
                _compile(each)
    lines = {(each.file, method): line for each in files for method, line in each.source.methods.items()}
    healthy = [operation for each in files if not each.faults for operation in each.operations]
    _spread(files, between_operations(healthy, lines))
    faults = [*stray, *(fault for found in folder_faults.values() for fault in found)]
    return _table(root, files, faults)


def _read(root: Path, file: str) -> bytes | Fault:
    try:
        return (root / file).read_bytes()
    except OSError as error:
        found = f"The file cannot be read: {error.strerror}."
        return Fault(file=file, line=0, found=found, cure="Check its permissions.")


def _read_folders(root: Path, paths: Iterable[str]) -> tuple[dict[str, Source], dict[str, list[Fault]]]:
    folders: dict[str, Source] = {}
    for path in paths:
        text = _read(root, path)
        folders[path] = (
            Source(path, None, {}, None, None, (text,))
            if isinstance(text, Fault)
            else read_folder(path, text)
        )
    faults = {path: [*source.faults, *check_folder(path, folders)] for path, source in folders.items()}
    return folders, faults


def _settle_policy(
    each: FunctionFile, folders: dict[str, Source], folder_faults: dict[str, list[Fault]]
) -> None:
    """A policy that cannot be read, or that of a folder above, leaves the file closed and out of service."""
    broken = next((path for path in folders_above(each.file) if folder_faults.get(path)), None)
    if broken:
        cause = folder_faults[broken][0]
        found = f"The policy of its folder cannot be trusted: {cause}"
        each.faults.append(Fault(file=each.file, line=0, found=found, cure=f"Correct {broken}."))
    elif each.source.config is not None:
        each.policies, faults = lay(each.source, folders)
        each.faults += faults
        path = each.source.config.get("path")
        if path:
            _move(each, path.value, path.line)


def _move(each: FunctionFile, path: str, line: int) -> None:
    if each.segments is not None and any(segment.kind != "static" for segment in each.segments):
        found = (
            f"path={path!r} replaces the URL that the file's name tells, and with it the name's parameters."
        )
        cure = "Give the file a name without brackets, or drop path."
        each.faults.append(Fault(file=each.file, line=line, found=found, cure=cure))
    else:
        each.segments = tuple(Segment("static", part) for part in path.strip("/").split("/"))


def _claims(files: list[FunctionFile]) -> list[Claim]:
    """What a broken file may answer besides takes nothing from a healthy one: only known methods count."""
    return [
        Claim(each.file, each.segments, tuple(each.source.methods))
        for each in files
        if each.segments is not None
    ]


def _refuse_reserved(each: FunctionFile, reserved: frozenset[str]) -> None:
    url = template_of(each.segments or ())
    if each.segments is not None and url in reserved:
        found = f"{url} is the runtime's own URL."
        each.faults.append(Fault(file=each.file, line=0, found=found, cure="Choose another name."))
        each.segments = None  # not even a refusal stands in the runtime's way


def _spread(files: list[FunctionFile], faults: list[Fault]) -> None:
    by_file = {each.file: each for each in files}
    for fault in faults:
        if fault not in by_file[fault.file].faults:
            by_file[fault.file].faults.append(fault)


def _import(each: FunctionFile, loader: Loader, known: Imported | None) -> None:
    if each.source.code is None or each.segments is None:
        return
    is_known = known is not None and known.text == each.text
    loaded = known.loaded if known and is_known else loader.load(each.file, each.source.code)
    if isinstance(loaded, Fault):
        each.faults.append(loaded)
        return
    each.imported = loaded
    each.operations, faults = _judge(each, loaded)
    each.faults += faults


def _judge(each: FunctionFile, loaded: Loaded) -> tuple[list[Operation], list[Fault]]:
    segments = each.segments or ()
    path = {segment.text: segment.kind for segment in segments if segment.kind != "static"}
    operations: list[Operation] = []
    faults: list[Fault] = []
    for method, line in each.source.methods.items():
        function: Any = getattr(loaded.module, method, None)
        if not callable(function) or isinstance(function, type):
            found = f"{method} is no longer a function once the file has run."
            faults.append(Fault(file=each.file, line=line, found=found, cure="Do not assign over it."))
            continue
        policy = each.policies[method]
        signature, found_here = read_signature(Handler(each.file, line, method, function, path, policy))
        faults += found_here
        if signature:
            endpoint = Endpoint(
                method=method.upper(),
                template=template_of(segments),
                file=each.file,
                policy=policy,
                stream=signature.event is not None,
            )
            operations.append(
                Operation(
                    endpoint=endpoint,
                    function=function,
                    inputs=signature.inputs,
                    returns=signature.returns,
                    event=signature.event,
                    doc=function.__doc__ or each.source.doc,
                )
            )
    taken = {given.name for operation in operations for given in operation.inputs}
    for name in path:
        if name not in taken and not faults:
            found = f"No handler takes the path parameter {name!r}."
            faults.append(
                Fault(
                    file=each.file, line=0, found=found, cure=f"Add `{name}: str` to one, or rename the file."
                )
            )
    return operations, faults


def _compile(each: FunctionFile) -> None:
    each.routes = [
        Route(
            endpoint=operation.endpoint,
            segments=each.segments or (),
            operation=operation,
            handler=handlers.serve(operation, each.segments or ()),
            seconds=each.imported.seconds if each.imported else None,
        )
        for operation in each.operations
    ]


@contextlib.contextmanager
def _contained(each: FunctionFile) -> Iterator[None]:
    """Keep what nobody has thought of to its own file: an annotation is code, and may do anything."""
    try:
        yield
    except Exception as error:
        logger.exception("a function file could not be judged", extra={"function": each.file})
        found = f"It could not be judged: {type(error).__name__}: {error}."
        cure = "Simplify its annotations; the log has the traceback."
        each.faults.append(Fault(file=each.file, line=0, found=found, cure=cure))


def _table(root: Path, files: list[FunctionFile], faults: list[Fault]) -> RouteTable:
    routes: list[Route] = []
    broken: dict[tuple[str, str], list[FunctionFile]] = defaultdict(list)
    for each in files:
        faults += each.faults
        if not each.faults:
            routes += each.routes
        elif each.segments is not None:
            for method in each.methods:
                broken[method, shape_of(each.segments)].append(each)
    served = {(route.endpoint.method.lower(), shape_of(route.segments)) for route in routes}
    routes += [_quarantined(key[0], claimants) for key, claimants in broken.items() if key not in served]
    imported = {each.file: Imported(each.text, each.imported) for each in files if each.imported}
    return RouteTable(root, routes, faults, imported)


def _quarantined(method: str, claimants: list[FunctionFile]) -> Route:
    """Keep the route closed: by its own policy, or by the default where that is unknown or disputed."""
    first = claimants[0]
    policies = [each.policies.get(method, Policy()) for each in claimants]
    endpoint = Endpoint(
        method=method.upper(),
        template=template_of(first.segments or ()),
        file=first.file,
        policy=policies[0] if all(policy == policies[0] for policy in policies) else Policy(),
        error_id=first.faults[0].error_id,
    )
    segments = first.segments or ()
    handler = handlers.refuse(endpoint, segments)
    seconds = first.imported.seconds if first.imported else None
    return Route(endpoint=endpoint, segments=segments, operation=None, handler=handler, seconds=seconds)

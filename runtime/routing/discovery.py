"""From a folder to a route table: list, read, combine policies, import, check, compile; each file by itself.

No file can stop another. Whatever is wrong with one becomes a `Fault`, and its routes, as far as its
name and config are known, are kept and refuse to serve.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

import msgspec
from msgspec.structs import replace

from runtime.asgi import urls
from runtime.config import JOB, Endpoint, Policy
from runtime.refusal import Refusal
from runtime.routing import runs
from runtime.routing.annotations.describe import schema_of
from runtime.routing.conflicts import Claim, Standing, between_files, between_parameters
from runtime.routing.files import CompiledFile, FunctionFile
from runtime.routing.function_file import (
    compile_file,
    read_file,
    uses,
    with_policy,
    without_reserved,
)
from runtime.routing.importing.guard import Guard, Inline
from runtime.routing.importing.interpreter import collecting_rarely
from runtime.routing.importing.loading import Loader
from runtime.routing.incumbents import Incumbents, committed
from runtime.routing.operation import Operation
from runtime.routing.own_settings import with_settings
from runtime.routing.reading.cascade import check_folder
from runtime.routing.reading.faults import Fault, unexpected
from runtime.routing.reading.source import Source, read_folder, read_function, unread
from runtime.routing.reading.tree import (
    FOLDER_CONFIG,
    list_files,
    read_candidate,
    read_tree,
    shape_of,
    unreadable_policies,
)
from runtime.routing.table import Route, RouteTable
from runtime.settings.own import Environment

MAX_SOURCE = 1 << 20  # bytes; Python takes seconds and hundreds of megabytes to parse a few times that


@collecting_rarely()
def discover(  # noqa: PLR0913  # all by name
    root: Path,
    *,
    import_budget: float = 10.0,
    reserved: frozenset[str] = urls.RESERVED,
    previous: RouteTable | None = None,
    stale: frozenset[str] = frozenset(),
    refused: Iterable[Refusal] = (),
    report: Callable[[str], None] = lambda _: None,
    environment: Environment | None = None,
) -> RouteTable:
    """Build the route table of a functions folder.

    Never raises for a bad file: that is quarantined, and reported in `RouteTable.faults`.

    Args:
        root: the folder.
        import_budget: seconds one file may take to import.
        reserved: URLs that belong to the runtime.
        previous: an earlier table of the same folder; files whose text is still the same are not run again.
        stale: files to run again all the same, because something that they import has changed.
        refused: files that would harm this process, and are not run.
        report: called with each file before it is touched, and with ``""`` afterwards.
        environment: from which functions have their own settings; an empty one when None.
    """
    guard = Guard(root, import_budget, report)
    if not root.is_dir():
        found = (
            "It is not a folder (ANNEX_FUNCTIONS, by default `functions`)."
            if root.exists(follow_symlinks=False)
            else "It does not exist (ANNEX_FUNCTIONS, by default `functions`)."
        )
        return RouteTable(
            root,
            (),
            (Fault(file="", line=0, found=found, cure="Create the folder, or set ANNEX_FUNCTIONS."),),
        )
    listing, stray = list_files(root)
    tree = read_tree(listing)
    closed = unreadable_policies(stray)
    stray += tree.faults
    withheld = {each.file: each for each in refused}
    folders, folder_faults = _read_folders(guard, tree.folders, withheld)
    unusable = {
        path: [*folder_faults.get(path, []), *closed.get(path, [])] for path in {*folder_faults, *closed}
    }
    known_files = {} if previous is None else previous.files
    fresh = {file: it for file, it in known_files.items() if file not in stale}
    loader = Loader(guard)
    reader = partial(read_function, parsed=loader.compile)
    sources = [_source(guard, each.file, reader, withheld, fresh.get(each.file)) for each in tree.candidates]
    files = [read_file(each, *source) for each, source in zip(tree.candidates, sources, strict=True)]
    files = [with_policy(each, folders, unusable) for each in files]
    known = committed(root)
    files = _spread(files, between_files(_claims(files, known)))
    files = [without_reserved(each, reserved) for each in files]
    if previous is None:
        loader.forget()
    judged = [_compiled(each, loader, fresh.get(each.file)) for each in files]
    imported = {each.file: each for each in judged if each.loaded}
    compiled = [each.with_known_types(known.types.get(each.file, frozenset())) for each in judged]
    own = environment or Environment()
    compiled = [with_settings(each, own) for each in compiled]
    compiled = _spread(
        compiled, between_parameters(use for each in compiled if not each.faults for use in uses(each, known))
    )
    faults = [*stray, *(fault for found in folder_faults.values() for fault in found)]
    return _table(root, compiled, faults, imported)


def attempt(guard: Guard, file: str, begins: Callable[[], None]) -> Fault | None:
    """Do with one file, by itself, whatever runs its code in discovery; return a fault that would do harm.

    Args:
        guard: of its folder.
        file: below the folder.
        begins: called when the file has been read, and runs from now on.
    """
    inline = Inline(guard)
    loader = Loader(inline)

    def work() -> None:
        is_folder = PurePosixPath(file).name == FOLDER_CONFIG
        reader = read_folder if is_folder else partial(read_function, parsed=loader.compile)
        text, source = _source(inline, file, reader, {})
        begins()
        if not is_folder:
            each = with_policy(read_file(read_candidate(file), text, source), {}, {})
            compiled = _compiled(each, loader, None)
            _describe(() if compiled.faults else compiled.operations)

    guard.run(file, "The import", work)
    return next(iter(guard.harmful), None)


def _describe(operations: tuple[Operation, ...]) -> None:
    """Read the types of a file as the contract does, which runs code of theirs; all at once is faster."""
    inputs = [each for operation in operations for each in operation.inputs if each.kind.is_described]
    types = [*(each.annotation for each in inputs), *(each.event or each.returns for each in operations)]
    try:
        msgspec.json.schema_components(types)
    except Exception:  # noqa: BLE001 - a class of the file may raise what it likes
        for each in types:  # those behind the one that fails run code as well
            schema_of(each)


def _read(root: Path, file: str) -> bytes | Fault:
    """Read one file, if it is one: a pipe would wait for ever, a device never end."""
    try:
        path = f"{root}/{file}"  # a `Path` for each would be slower
        status = os.stat(path)  # noqa: PTH116
        if not stat.S_ISREG(status.st_mode):
            found = "Not a regular file (device or pipe)."
            return Fault(file=file, line=0, found=found, cure="Remove it.")
        if status.st_size > MAX_SOURCE:
            found = f"The file has {status.st_size} bytes; a function file may have {MAX_SOURCE}."
            return Fault(
                file=file, line=0, found=found, cure="Move data to a file outside of the functions folder."
            )
        with open(path, "rb", buffering=0) as opened:  # noqa: PTH123
            return opened.readall()
    except OSError as error:
        found = f"The file cannot be read: {error.strerror}."
        return Fault(file=file, line=0, found=found, cure="Check that the file exists and is readable.")


def _source(
    guard: Guard,
    file: str,
    reader: Callable[[str, bytes], Source],
    withheld: Mapping[str, Refusal],
    known: CompiledFile | None = None,
) -> tuple[bytes, Source]:
    """Read one file and parse it, unless it is `known` with the same text."""
    refusal = withheld.get(file)
    fault = refusal and Fault(file=file, line=refusal.line, found=refusal.found, cure=refusal.cure)
    if refusal and fault and not refusal.is_readable:
        return b"", unread(file, fault)
    guard.report(file)
    try:
        text = _read(guard.root, file)
        if known is not None and known.before.text == text:
            source = known.before.source
        else:
            source = unread(file, text) if isinstance(text, Fault) else reader(file, text)
    except Exception as error:  # noqa: BLE001 - whatever a file may hold, it is that file's fault
        text, source = b"", unread(file, unexpected(file, "Reading", error))
    guard.report("")
    if fault:
        source = replace(source, faults=(*source.faults, fault))
    return b"" if isinstance(text, Fault) else text, source


def _read_folders(
    guard: Guard, paths: Iterable[str], withheld: Mapping[str, Refusal]
) -> tuple[dict[str, Source], dict[str, list[Fault]]]:
    folders = {path: _source(guard, path, read_folder, withheld)[1] for path in paths}
    faults = {path: [*source.faults, *check_folder(path, folders)] for path, source in folders.items()}
    return folders, faults


def _compiled(each: FunctionFile, loader: Loader, known: CompiledFile | None) -> CompiledFile:
    """Compile one file; it may have taken away what that needs, where no surroundings are restored."""
    try:
        return compile_file(each, loader, known)
    except Exception as error:  # noqa: BLE001 - whatever it did, or a file before it
        return CompiledFile(each, (unexpected(each.file, "The import", error),))


def _claims(files: list[FunctionFile], known: Incumbents) -> list[Claim]:
    """What a broken file may answer besides takes nothing from a healthy one: only known methods count."""
    claims = []
    for each in files:
        if each.segments is not None:
            had = known.methods.get((each.file, each.template), frozenset())
            standing = Standing.INCUMBENT if had else Standing.BROKEN if each.faults else Standing.NEW
            methods = tuple(each.source.methods) or tuple(sorted(had))
            claims.append(Claim(each.file, each.segments, methods, standing))
    return claims


def _spread[Each: (FunctionFile, CompiledFile)](files: list[Each], faults: Iterable[Fault]) -> list[Each]:
    """Add to each file the faults that concern it."""
    by_file: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_file[fault.file].append(fault)
    return [each.with_faults(*by_file[each.file]) for each in files]


def _table(
    root: Path, files: list[CompiledFile], faults: list[Fault], imported: dict[str, CompiledFile]
) -> RouteTable:
    routes: list[Route] = []
    broken: dict[tuple[str, str], list[CompiledFile]] = defaultdict(list)
    for each in files:
        faults += each.faults
        if not each.faults:
            routes += _routes(each)
        elif each.before.segments is not None:
            for method in each.before.methods:
                broken[method, shape_of(each.before.segments)].append(each)
    served = {(route.endpoint.method.lower(), shape_of(route.segments)) for route in routes}
    routes += [_quarantined(key[0], claimants) for key, claimants in broken.items() if key not in served]
    jobs = [route for route in routes if route.endpoint.method == JOB.upper()]
    routes = [route for route in routes if route not in jobs]
    routes += runs.routes_beside(routes) if jobs else []
    return RouteTable(root, routes, faults, imported, jobs=jobs)


def _routes(each: CompiledFile) -> Iterable[Route]:
    """Return a route for each operation, its job too."""
    segments = each.before.segments or ()
    for one in each.operations:
        yield Route(endpoint=one.endpoint, segments=segments, operation=one, seconds=each.seconds)


def _quarantined(method: str, claimants: list[CompiledFile]) -> Route:
    """Keep the route closed: by its own policy, or by the default where that is unknown or disputed."""
    first = claimants[0]
    policies = [each.before.policies.get(method, Policy()) for each in claimants]
    endpoint = Endpoint(
        method=method.upper(),
        template=first.before.template,
        file=first.file,
        policy=policies[0] if all(policy == policies[0] for policy in policies) else Policy(),
        error_id=first.faults[0].error_id,
    )
    segments = first.before.segments or ()
    return Route(endpoint=endpoint, segments=segments, operation=None, seconds=first.seconds)

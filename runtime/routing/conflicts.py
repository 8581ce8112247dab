"""What files forbid each other: two claims on one URL, siblings that nothing tells apart, doubled names.

Every complaint is made to each of the files concerned, and names the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

import msgspec
from msgspec import Struct

from runtime.routing.faults import Fault
from runtime.routing.loading import PREFIX
from runtime.routing.names import Segment
from runtime.routing.operation import Operation
from runtime.routing.signature import inner_types, spell
from runtime.routing.tree import shape_of, template_of

OTHERS = "\0"  # what no URL and no file name holds; braces are in many a URL


class Claim(Struct, frozen=True):
    """A file's claim on a URL, for the methods that it is known to answer."""

    file: str
    segments: tuple[Segment, ...]
    methods: tuple[str, ...]


def between_files(claims: Iterable[Claim]) -> list[Fault]:
    """Return every conflict that names and methods alone can tell."""
    ordered = sorted(claims, key=lambda claim: claim.file)
    return [*_same_url(ordered), *_siblings(ordered), *_case(ordered)]


def _each(files: Iterable[str], found: str, cure: str) -> Iterator[Fault]:
    """Make the same complaint to every file; `OTHERS` in `found` stands for the rest."""
    names = sorted(set(files))
    for file in names:
        others = " and ".join(name for name in names if name != file)
        yield Fault(file=file, line=0, found=found.replace(OTHERS, others), cure=cure)


def _same_url(claims: list[Claim]) -> Iterator[Fault]:
    by_shape: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_shape[shape_of(claim.segments)].append(claim)
    for same in by_shape.values():
        for one, other in combinations(same, 2):
            methods = [method.upper() for method in one.methods if method in other.methods]
            url = template_of(one.segments)
            if {one.file, other.file} & {_beside(one.file), _beside(other.file)}:
                found = (
                    f"{url} is claimed by {OTHERS} too: a file and its folder's index.py are the same URL."
                )
                yield from _each((one.file, other.file), found, "Keep one of them.")
            elif methods and template_of(other.segments) == url:
                found = f"{' and '.join(methods)} {url} is claimed by {OTHERS} too."
                yield from _each((one.file, other.file), found, "Rename one, or give each its own methods.")


def _beside(file: str) -> str:
    """Return the other spelling of a file's URL: ``users.py`` for ``users/index.py``."""
    return f"{file.removesuffix('/index.py')}.py" if file.endswith("/index.py") else ""


def _siblings(claims: list[Claim]) -> Iterator[Fault]:
    positions: dict[str, dict[Segment, list[str]]] = defaultdict(lambda: defaultdict(list))
    for claim in claims:
        for depth, segment in enumerate(claim.segments):
            if segment.kind != "static":
                positions[shape_of(claim.segments[:depth])][segment].append(claim.file)
    for position, segments in positions.items():
        if len(segments) < 2:
            continue
        spellings = " and ".join(sorted(f"[{'...' if s.kind == 'rest' else ''}{s.text}]" for s in segments))
        place = position if position == "/" else f"{position}/"
        if len({segment.kind for segment in segments}) > 1:
            found = f"A catch-all and a parameter share {place} ({spellings}), here and in {OTHERS}."
            cure = "Keep the catch-all and take the value apart in it, or move one into a folder of its own."
        else:
            found = f"One parameter has several names at {place} ({spellings}), here and in {OTHERS}."
            cure = "Give it the same name everywhere."
        yield from _each((file for files in segments.values() for file in files), found, cure)


def _case(claims: list[Claim]) -> Iterator[Fault]:
    spellings: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for claim in claims:
        for depth in range(1, len(claim.segments) + 1):
            if claim.segments[depth - 1].kind == "static":
                url = shape_of(claim.segments[:depth])
                spellings[url.casefold()][url].append(claim.file)
    seen: set[frozenset[str]] = set()
    for urls in spellings.values():
        files = frozenset(file for files in urls.values() for file in files)
        if len(urls) > 1 and files not in seen:
            seen.add(files)
            found = f"{' and '.join(sorted(urls))} differ in case alone, here and in {OTHERS}."
            yield from _each(files, found, "Rename one: some file systems and people cannot tell them apart.")


def between_operations(operations: Iterable[Operation], lines: dict[tuple[str, str], int]) -> list[Fault]:
    """Return what only signatures can tell: disagreeing types of one parameter, doubled struct names.

    Args:
        operations: of files that are otherwise in order.
        lines: of each file and method.
    """
    ordered = sorted(operations, key=lambda each: (each.endpoint.file, each.endpoint.method))
    return [*_types(ordered, lines), *_structs(ordered)]


def _types(operations: list[Operation], lines: dict[tuple[str, str], int]) -> Iterator[Fault]:
    uses: dict[str, dict[str, list[Operation]]] = defaultdict(lambda: defaultdict(list))
    for operation in operations:
        for given in operation.inputs:
            if given.source == "path":
                template = operation.endpoint.template
                position = template[: template.index(f"{{{given.name}}}") + len(given.name) + 2]
                uses[position][spell(given.annotation)].append(operation)
    for position, kinds in uses.items():
        if len(kinds) < 2:
            continue
        told = " and ".join(
            f"{kind} in {min(each.endpoint.file for each in users)}" for kind, users in sorted(kinds.items())
        )
        for operation in (each for users in kinds.values() for each in users):
            key = (operation.endpoint.file, operation.endpoint.method.lower())
            yield Fault(
                file=key[0],
                line=lines.get(key, 0),
                found=f"The last parameter of {position} has several types: {told}.",
                cure="Annotate it alike in every handler.",
            )


def _structs(operations: list[Operation]) -> Iterator[Fault]:
    users: dict[str, dict[Any, set[str]]] = defaultdict(lambda: defaultdict(set))
    for operation in operations:
        kinds = [given.annotation for given in operation.inputs if given.source in {"body", "query", "path"}]
        for struct in _reachable([*kinds, operation.event or operation.returns]):
            users[struct.__name__][struct].add(operation.endpoint.file)
    for name, structs in users.items():
        if len(structs) > 1:
            yield from _doubled(name, structs)


def _doubled(name: str, structs: dict[Any, set[str]]) -> Iterator[Fault]:
    """Complain to the files that define one: who uses a type of shared/ has done nothing."""
    elsewhere = sorted({kind.__module__ for kind in structs if not kind.__module__.startswith(PREFIX)})
    own = {file for kind, files in structs.items() if kind.__module__.startswith(PREFIX) for file in files}
    files = own or {file for users in structs.values() for file in users}
    places = " and ".join([*([OTHERS] if len(files) > 1 else []), *(elsewhere if own else [])])
    where = f", here and in {places};" if places else " here;"
    found = f"Two types are called {name}{where} the client knows them by name."
    yield from _each(files, found, "Rename one, or move it to shared/ and use it in both.")


def _reachable(kinds: list[Any]) -> set[Any]:
    """Return every named type (structs, enums, dataclasses) inside `kinds`."""
    found: set[Any] = set()

    def walk(kind: Any) -> None:
        cls = getattr(kind, "cls", None)
        if isinstance(cls, type):
            if cls in found:
                return
            found.add(cls)
        for child in inner_types(kind):
            walk(child)

    for kind in kinds:
        try:
            walk(msgspec.inspect.type_info(kind))
        except TypeError:  # Response, UploadFile: no type of the wire
            continue
    return found

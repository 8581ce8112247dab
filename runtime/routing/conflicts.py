"""Conflicts between files: two claims on one URL, ambiguous siblings, different types of one parameter.

The fault names every file concerned. The one that was there first keeps its place, and a broken file takes
none from a healthy one; where neither can be told, each gets the fault.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from itertools import combinations

from msgspec import Struct

from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import Segment
from runtime.routing.reading.tree import shape_of, template_of

OTHERS = "\0"  # what no URL and no file name holds; braces are in many a URL


class Standing(IntEnum):
    """Who keeps its place in a conflict: the higher, if it is alone there."""

    BROKEN = 0
    NEW = 1
    INCUMBENT = 2


class Claim(Struct, frozen=True):
    """A file's claim on a URL, for the methods that it is known to answer."""

    file: str
    segments: tuple[Segment, ...]
    methods: tuple[str, ...]
    standing: Standing = Standing.NEW


class Use(Struct, frozen=True, order=True):
    """A handler's use of a path parameter.

    Attributes:
        file: where the handler is, `line` too.
        position: its URL up to the parameter.
        kind: the type, as it is written.
        standing: of the file with this type of the parameter.
    """

    file: str
    line: int
    position: str
    kind: str
    standing: Standing = Standing.NEW


def between_files(claims: Iterable[Claim]) -> list[Fault]:
    """Return every conflict that is known from names and methods alone."""
    ordered = sorted(claims, key=lambda claim: claim.file)
    return [*_same_url(ordered), *_siblings(ordered), *_case(ordered)]


def _losers[Key, Party: (Claim, Use)](parties: Mapping[Key, list[Party]]) -> list[Party]:
    """Return those who give way: all but the one party of the highest standing, or all where it is shared."""
    ranks = {key: max(each.standing for each in party) for key, party in parties.items()}
    highest = [key for key, rank in ranks.items() if rank == max(ranks.values())]
    winner = highest[0] if len(highest) == 1 else None
    return [each for key, party in parties.items() if winner is None or key != winner for each in party]


def _each[Key](parties: Mapping[Key, list[Claim]], found: str, cure: str) -> Iterator[Fault]:
    """Yield the same fault for every file that gives way; `OTHERS` in `found` stands for the rest."""
    names = sorted({each.file for party in parties.values() for each in party})
    for file in sorted({each.file for each in _losers(parties)}):
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
                yield from _each({one.file: [one], other.file: [other]}, found, "Keep one of them.")
            elif methods and template_of(other.segments) == url:
                found = f"{' and '.join(methods)} {url} is claimed by {OTHERS} too."
                cure = "Rename one, or give each its own methods."
                yield from _each({one.file: [one], other.file: [other]}, found, cure)


def _beside(file: str) -> str:
    """Return the other spelling of a file's URL: ``users.py`` for ``users/index.py``."""
    return f"{file.removesuffix('/index.py')}.py" if file.endswith("/index.py") else ""


def _siblings(claims: list[Claim]) -> Iterator[Fault]:
    positions: dict[str, dict[Segment, list[Claim]]] = defaultdict(lambda: defaultdict(list))
    for claim in claims:
        for depth, segment in enumerate(claim.segments):
            if segment.kind != "static":
                positions[shape_of(claim.segments[:depth])][segment].append(claim)
    for position, segments in positions.items():
        if len(segments) < 2:
            continue
        spellings = " and ".join(sorted(f"[{'...' if s.kind == 'rest' else ''}{s.text}]" for s in segments))
        place = position if position == "/" else f"{position}/"
        if len({segment.kind for segment in segments}) > 1:
            found = f"A catch-all and a parameter share {place} ({spellings}), here and in {OTHERS}."
            cure = "Keep only the catch-all and split its value, or move one into another folder."
        else:
            found = f"One parameter has several names at {place} ({spellings}), here and in {OTHERS}."
            cure = "Use the same name in every file."
        yield from _each(segments, found, cure)


def _case(claims: list[Claim]) -> Iterator[Fault]:
    spellings: dict[str, dict[str, list[Claim]]] = defaultdict(lambda: defaultdict(list))
    for claim in claims:
        for depth in range(1, len(claim.segments) + 1):
            if claim.segments[depth - 1].kind == "static":
                url = shape_of(claim.segments[:depth])
                spellings[url.casefold()][url].append(claim)
    seen: set[frozenset[str]] = set()
    for urls in spellings.values():
        files = frozenset(claim.file for claims in urls.values() for claim in claims)
        if len(urls) > 1 and files not in seen:
            seen.add(files)
            found = f"{' and '.join(sorted(urls))} differ only in case, here and in {OTHERS}."
            yield from _each(urls, found, "Rename one; some file systems cannot tell them apart.")


def between_parameters(uses: Iterable[Use]) -> list[Fault]:
    """Return a fault for each use of a parameter that has several types.

    Args:
        uses: of files that are otherwise in order.
    """
    positions: dict[str, dict[str, list[Use]]] = defaultdict(lambda: defaultdict(list))
    for use in sorted(uses):
        positions[use.position][use.kind].append(use)
    return [fault for position, kinds in positions.items() for fault in _types(position, kinds)]


def _types(position: str, kinds: dict[str, list[Use]]) -> Iterator[Fault]:
    if len(kinds) < 2:
        return
    spelled = " and ".join(f"{kind} in {users[0].file}" for kind, users in sorted(kinds.items()))
    for use in _losers(kinds):
        found = f"The last parameter of {position} has several types: {spelled}."
        yield Fault(
            file=use.file, line=use.line, found=found, cure="Use the same annotation in every handler."
        )

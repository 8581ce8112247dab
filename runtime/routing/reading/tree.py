"""From a file listing to candidate routes. Nothing is read or imported here."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from msgspec import Struct

from runtime.routing.reading.faults import Fault, printable
from runtime.routing.reading.names import (
    NameFault,
    Segment,
    is_like_policy,
    is_private,
    read_segment,
)

FOLDER_CONFIG = "_config.py"
_STEM = "_config"


class Candidate(Struct, frozen=True):
    """A file that claims a URL.

    Attributes:
        file: path below the functions folder, with forward slashes.
        segments: its URL, None where the name gives none.
        faults: what is wrong with its name.
    """

    file: str
    segments: tuple[Segment, ...] | None
    faults: tuple[Fault, ...] = ()


class Tree(Struct, frozen=True):
    """What a listing means: `candidates` and `folders` (the files that hold a folder's policy), sorted."""

    candidates: tuple[Candidate, ...]
    folders: tuple[str, ...]
    faults: tuple[Fault, ...]


def list_files(root: Path) -> tuple[list[str], list[Fault]]:
    """List the Python files outside of private folders, sorted; and what is not entered or read."""
    files: list[str] = []
    faults: list[Fault] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(f"{root}/{folder}") as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            faults.append(_closed(root, error))
            continue
        for entry in found:
            path, is_folder = folder + entry.name, _is_folder(entry)
            strays = [*_strays(entry, path, is_folder=is_folder)]
            faults += strays
            if not strays and is_folder and not is_private(entry.name):
                waiting.append(f"{path}/")
            elif not strays and not is_folder and entry.name.endswith(".py"):
                files.append(path)
    return sorted(files), faults


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere
        return False


def _strays(entry: os.DirEntry[str], path: str, *, is_folder: bool) -> Iterator[Fault]:
    """Yield what keeps a folder from being entered, or a file from being read."""
    name = entry.name
    if is_folder and name == FOLDER_CONFIG:
        cure = f"Make {FOLDER_CONFIG} a file, or rename the folder."
        yield _fault(path, "The folder's policy is a folder.", cure)
    elif not is_folder and is_like_policy(name):
        yield _fault(path, f"{name} is not recognised as the folder's policy.", f"Name it {FOLDER_CONFIG}.")
    if is_private(name) if is_folder else not name.endswith(".py"):
        return
    if is_folder and entry.is_symlink():
        found = "This folder is a symbolic link, which is not followed."
        yield _fault(path, found, "Replace the link with the folder.")
    if not name.isprintable():
        yield _fault(path, "The name contains a character that cannot be displayed.", "Rename it.")


def _fault(path: str, found: str, cure: str) -> Fault:
    return Fault(file=printable(path), line=0, found=found, cure=cure)


def unreadable_policies(strays: Iterable[Fault]) -> dict[str, list[Fault]]:
    """Return, by the path where a folder's policy should be, what stands there under another spelling.

    What it demands is unknown, so what is below stays closed; a name that is only similar closes nothing.
    """
    found: dict[str, list[Fault]] = {}
    for fault in strays:
        path = PurePosixPath(fault.file)
        if path.name.lower().partition(".")[0] == _STEM and is_like_policy(path.name):
            found.setdefault((path.parent / FOLDER_CONFIG).as_posix(), []).append(fault)
        elif path.name == FOLDER_CONFIG:
            found.setdefault(fault.file, []).append(fault)
    return found


def _closed(root: Path, error: OSError) -> Fault:
    folder = Path(error.filename).relative_to(root).as_posix()
    return _fault(folder, f"The folder cannot be listed: {error.strerror}.", "Check its permissions.")


def read_tree(files: Iterable[str]) -> Tree:
    """Sort a listing into functions, folder policies and files that should not be there."""
    candidates, folders, faults = [], [], []
    for file in sorted(files):
        name = file.rpartition("/")[2]
        if name == FOLDER_CONFIG:
            folders.append(file)
        elif name == "__init__.py":
            faults.append(
                Fault(
                    file=file,
                    line=0,
                    found="A functions folder is not a package, so it must not contain __init__.py.",
                    cure="Delete it; put shared code into shared/ or a module whose name starts with '_'.",
                )
            )
        elif not is_private(name):
            candidates.append(read_candidate(file))
    return Tree(tuple(candidates), tuple(folders), tuple(faults))


def read_candidate(file: str) -> Candidate:
    """Translate one path below the functions folder into its URL."""
    *folders, stem = file.removesuffix(".py").split("/")
    segments: list[Segment] = []
    faults: list[Fault] = []
    is_known = True
    for name in folders if stem == "index" else [*folders, stem]:
        try:
            segment = read_segment(name)
        except NameFault as fault:
            faults.append(Fault(file=file, line=0, found=fault.found, cure=fault.cure))
            segment = fault.segment
            is_known = is_known and segment is not None
        if segment is not None:
            segments.append(segment)
    faults += _misplaced(file, folders, stem)
    faults += _doubled(file, segments)
    is_known = is_known and not _is_group(stem) and all(each.kind != "rest" for each in segments[:-1])
    return Candidate(file, tuple(segments) if is_known else None, tuple(faults))


def _is_group(name: str) -> bool:
    return name.startswith("(") and name.endswith(")")


def _misplaced(file: str, folders: list[str], stem: str) -> list[Fault]:
    faults = []
    if _is_group(stem):
        found = f"{stem}.py is named like a group, but a group is a folder."
        faults.append(
            Fault(file=file, line=0, found=found, cure="Name the file after its URL, or make it index.py.")
        )
    for folder in folders:
        if folder.startswith("[..."):
            found = f"{folder}/ is a catch-all, which takes the rest of the URL, so nothing may be below it."
            cure = f"Move it to the end: {folder}.py."
            faults.append(Fault(file=file, line=0, found=found, cure=cure))
    return faults


def _doubled(file: str, segments: list[Segment]) -> list[Fault]:
    """Report a parameter that occurs twice, and give the second a name that the router accepts."""
    faults = []
    names: set[str] = set()
    for depth, segment in enumerate(segments):
        if segment.kind != "static" and segment.text in names:
            found = f"The parameter {segment.text!r} occurs twice in this path."
            faults.append(Fault(file=file, line=0, found=found, cure="Give each parameter a different name."))
            segments[depth] = Segment(segment.kind, f"{segment.text}_{depth}")
        elif segment.kind != "static":
            names.add(segment.text)
    return faults


def template_of(segments: tuple[Segment, ...]) -> str:
    """Return ``/orders/{id}``."""
    return "/" + "/".join(segment.template for segment in segments)


def shape_of(segments: tuple[Segment, ...]) -> str:
    """Return what the router distinguishes: ``/orders/{}``."""
    return "/" + "/".join(segment.shape for segment in segments)

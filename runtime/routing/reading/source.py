"""The handlers and the `config` of a file, read from its syntax tree before it runs.

The route table, the policies and the list of open routes are therefore known even for a file whose
import fails.
"""

import ast
from collections.abc import Callable

from msgspec import Struct

from runtime.config import Folder, Function
from runtime.routing.reading.bindings import bindings, evaluated
from runtime.routing.reading.config import ConfigReader, Literal
from runtime.routing.reading.faults import UNREADABLE, Fault, Findings, unreadable
from runtime.routing.reading.methods import decorated, read_methods


class Source(Struct, frozen=True):
    """One file, read.

    Attributes:
        file: path below the functions folder.
        methods: handlers in the order of `HANDLERS`, with the line of each.
        decorated: those that have a decorator, with the line of the first.
        config: decoded keys; None where the config cannot be trusted, so that the file stays closed.
        written: what the name `config` must hold after the import; None where the file has none.
        doc: the module's docstring.
        faults: everything that is wrong so far.
    """

    file: str
    methods: dict[str, int]
    config: dict[str, Literal] | None
    doc: str | None
    faults: tuple[Fault, ...]
    written: Function | Folder | None = None
    decorated: dict[str, int] = {}


def read_function(
    file: str, text: bytes, parsed: Callable[[str, ast.Module], object] = lambda *_: None
) -> Source:
    """Read a function file; `parsed` is given its syntax tree."""
    return _read(file, text, Function, parsed)


def read_folder(file: str, text: bytes) -> Source:
    """Read a folder's `_config.py`, which never runs, so that compiling it is left to nobody else."""
    return _read(file, text, Folder, lambda file, code: compile(code, file, "exec", dont_inherit=True))


def unread(file: str, fault: Fault) -> Source:
    """Return what is known of a file that could not be read: nothing, and why."""
    return Source(file, {}, None, None, (fault,))


def _read(
    file: str,
    text: bytes,
    kind: type[Function] | type[Folder],
    parsed: Callable[[str, ast.Module], object],
) -> Source:
    try:
        code = ast.parse(text, filename=file)
        parsed(file, code)
    except UNREADABLE as error:
        return unread(file, unreadable(file, error))
    findings = Findings(file)
    reader = ConfigReader(kind, findings)
    nodes = evaluated(code)
    bound = bindings(code, nodes)
    config = reader.read(code, nodes, bound)
    methods = read_methods(code, bound, findings) if kind is Function else {}
    is_whole = reader.written is not None and not findings.faults
    written = kind(**reader.written or {}) if is_whole else None
    doc, faults = ast.get_docstring(code), tuple(findings.faults)
    return Source(file, methods, config, doc, faults, written, decorated(code))

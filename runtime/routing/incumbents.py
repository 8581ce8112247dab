"""Which file had a URL first: what the committed contract and `public.lock` say.

Only `annex client` and `annex check --accept` write these, so a file that they name at a URL was there before
one that they do not name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from runtime.routing import lock

CONTRACT = Path("contracts/openapi.json")


class _Parameter(Struct):
    name: str
    place: str = field(name="in")
    schema: dict[str, Any] = {}


class _Operation(Struct):
    file: str = field(name="x-file")
    parameters: list[_Parameter] = []


class _Contract(Struct):
    paths: dict[str, dict[str, _Operation]]


class Incumbents(Struct, frozen=True):
    """What was committed.

    Attributes:
        methods: of each file at each URL template, lower case.
        kinds: the schema of each path parameter, by file, URL template and name.
    """

    methods: dict[tuple[str, str], frozenset[str]] = {}
    kinds: dict[tuple[str, str, str], str] = {}


def committed(functions: Path) -> Incumbents:
    """Read contract and lock of a functions folder; one that is missing or unreadable tells nothing."""
    methods: dict[tuple[str, str], frozenset[str]] = {}
    kinds: dict[tuple[str, str, str], str] = {}
    operations = list(_operations(functions.resolve().parent / CONTRACT))
    listed = [line.split(maxsplit=2) for line in lock.lines(functions)]
    routes = [(method, template, operation.file) for method, template, operation in operations]
    routes += [(line[0].lower(), line[1], line[2]) for line in listed if len(line) == 3]
    for method, template, file in routes:
        methods[file, template] = methods.get((file, template), frozenset()) | {method}
    for _, template, operation in operations:
        for one in operation.parameters:
            if one.place == "path":
                kinds[operation.file, template, one.name] = canonical(one.schema)
    return Incumbents(methods, kinds)


def canonical(schema: dict[str, Any]) -> str:
    """Return a schema as text that is the same for the same type, whatever document it stands in."""
    facts = {key: value for key, value in schema.items() if key not in {"title", "description", "$defs"}}
    if "$ref" in facts:
        facts["$ref"] = facts["$ref"].rpartition("/")[2]
    return msgspec.json.encode(facts, order="sorted").decode()


def _operations(path: Path) -> Iterator[tuple[str, str, _Operation]]:
    try:
        contract = msgspec.json.decode(path.read_bytes(), type=_Contract)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return
    for template, item in contract.paths.items():
        for method, operation in item.items():
            yield method, template, operation

"""Which file had a URL first: what the committed contract and `public.lock` say.

Only `annex client` and `annex check --accept` write these, so a file that they name at a URL was there before
one that they do not name.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from runtime.routing import lock
from runtime.routing.annotations.numbers import SAFE_INTEGER

CONTRACT = Path("contracts/openapi.json")


class _Parameter(Struct):
    name: str
    place: str = field(name="in")
    schema: dict[str, Any] = {}


class _Operation(Struct):
    file: str = field(name="x-file")
    parameters: list[_Parameter] = []


class _Components(Struct):
    schemas: dict[str, Any] = {}


class _Contract(Struct):
    paths: dict[str, dict[str, Any]]
    components: _Components = field(default_factory=_Components)


class Incumbents(Struct, frozen=True):
    """What was committed.

    Attributes:
        methods: of each file at each URL template, lower case.
        kinds: the schema of each path parameter, by file, URL template and name.
        types: the names of the types that each file's operations speak of.
    """

    methods: dict[tuple[str, str], frozenset[str]] = {}
    kinds: dict[tuple[str, str, str], str] = {}
    types: dict[str, frozenset[str]] = {}


def committed(functions: Path) -> Incumbents:
    """Read contract and lock of a functions folder; one that is missing or unreadable tells nothing."""
    methods: dict[tuple[str, str], frozenset[str]] = {}
    kinds: dict[tuple[str, str, str], str] = {}
    types: dict[str, frozenset[str]] = {}
    contract = _contract(functions.resolve().parent / CONTRACT)
    operations = list(_operations(contract))
    listed = [line.split(maxsplit=2) for line in lock.lines(functions)]
    routes = [(method, template, operation.file) for method, template, operation in operations]
    routes += [(line[0].lower(), line[1], line[2]) for line in listed if len(line) == 3]
    for method, template, file in routes:
        methods[file, template] = methods.get((file, template), frozenset()) | {method}
    for method, template, operation in operations:
        for one in operation.parameters:
            if one.place == "path":
                kinds[operation.file, template, one.name] = canonical(one.schema)
        spoken = _reached(contract.paths[template][method], contract.components.schemas)
        types[operation.file] = types.get(operation.file, frozenset()) | spoken
    return Incumbents(methods, kinds, types)


def canonical(schema: dict[str, Any]) -> str:
    """Return a schema as text that is the same for the same type, whatever document it stands in."""
    told = {key: value for key, value in schema.items() if key not in {"title", "description", "$defs"}}
    facts = _without_ranges(told)
    if "$ref" in facts:
        facts["$ref"] = facts["$ref"].rpartition("/")[2]
    return msgspec.json.encode(facts, order="sorted").decode()


def _without_ranges(part: Any) -> Any:
    """Return a schema without what the contract alone says of integers."""
    if isinstance(part, list):
        return [_without_ranges(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {key: _without_ranges(value) for key, value in part.items() if value != SAFE_INTEGER}


def _contract(path: Path) -> _Contract:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Contract)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return _Contract({})


def _operations(contract: _Contract) -> Iterator[tuple[str, str, _Operation]]:
    for template, item in contract.paths.items():
        for method, operation in item.items():
            with contextlib.suppress(msgspec.ValidationError):
                yield method, template, msgspec.convert(operation, _Operation)


def _reached(part: Any, schemas: dict[str, Any]) -> frozenset[str]:
    """Return the names of all components that a part of the contract refers to, however indirectly."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            name = str(each.get("$ref", "")).rpartition("/")[2]
            if name in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return frozenset(found)

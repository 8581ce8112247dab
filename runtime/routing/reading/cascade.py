"""Policies combined: project default, folders from the outside in, file, method.

What a folder demands can be tightened below it and never loosened; only a file makes its routes public.
"""

from typing import Any

from msgspec import Struct

from runtime.config import JOB, Folder, Function, Policy
from runtime.config.key import UNION
from runtime.config.keys import keys_of
from runtime.routing.reading.config import Literal
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.source import Source


class Layer(Struct, frozen=True):
    """The keys that one place sets, such as a folder, a file or a method."""

    origin: str
    keys: dict[str, Literal]


ORDERS = {name: key.below for name, key in keys_of(Folder).items() if key.below is not None}
"""How a folder's value binds what is below it; each is declared with its key."""

_DEMANDS = tuple(name for name, key in keys_of(Function).items() if key.is_demand or key.needs_caller)


def folders_above(file: str) -> list[str]:
    """Return the `_config.py` paths that could hold for `file`, outermost first."""
    folders = file.split("/")[:-1]
    return ["/".join([*folders[:depth], "_config.py"]) for depth in range(len(folders) + 1)]


def lay(source: Source, folders: dict[str, Source]) -> tuple[dict[str, Policy], list[Fault]]:
    """Return the policy of each method of a file, and what is wrong with them.

    Args:
        source: the function file; its config must be readable.
        folders: every folder config, by path; those above the file must be readable.
    """
    layers = [
        Layer(path, folders[path].config or {}) for path in folders_above(source.file) if path in folders
    ]
    own = dict(source.config or {})
    methods = own.pop("methods", None)
    overrides: dict[str, dict[str, Any]] = methods.value if methods else {}
    faults = [
        Fault(
            file=source.file,
            line=methods.line if methods else 0,
            found=f"methods names {name}, but this file does not define {name}.",
            cure=f"Define {name}, or remove its overrides.",
        )
        for name in overrides
        if name not in source.methods
    ]
    faults += _of_jobs(source, own)
    laid: dict[str, tuple[Policy, list[Fault]]] = {}
    policies = {}
    for method in source.methods:
        said = {
            key: Literal(value, methods.line if methods else 0)
            for key, value in overrides.get(method, {}).items()
        }
        kind = method if said else ""  # methods without overrides share one policy
        if kind not in laid:
            stack = [*layers, Layer(source.file, own), Layer(f"{source.file} methods.{method}", said)]
            laid[kind] = _lay(source.file, stack, len(layers))
        policies[method], found = laid[kind]
        faults += found
    return policies, sorted(set(faults))


def _of_jobs(source: Source, own: dict[str, Literal]) -> list[Fault]:
    """Return a fault for each key that has no meaning without a job, or without its schedule."""
    declared = keys_of(Function)
    faults = []
    for key, literal in own.items():
        if not declared[key].is_of_job:
            continue
        needed = (
            "a job" if JOB not in source.methods else "" if key in {"schedule", "retries"} else "schedule"
        )
        if needed == "a job" or (needed and needed not in own):
            found = f"{key} has no meaning without {needed}."
            cure = (
                f"Define `async def job(...)`, or remove {key}."
                if needed == "a job"
                else "Set schedule, or remove it."
            )
            faults.append(Fault(file=source.file, line=literal.line, found=found, cure=cure))
    return faults


def check_folder(path: str, folders: dict[str, Source]) -> list[Fault]:
    """Return what a folder's config loosens, measured by what is around it."""
    around = [Layer(each, folders[each].config or {}) for each in folders_above(path) if each in folders]
    start: dict[str, tuple[Any, str]] = {"token_types": (Policy().token_types, "the project default")}
    faults: list[Fault] = []
    for layer in around:
        found = _apply(path, layer, start, start)
        faults += found if layer.origin == path else []
    return faults


def _lay(file: str, stack: list[Layer], depth: int) -> tuple[Policy, list[Fault]]:
    values: dict[str, tuple[Any, str]] = {}
    bounds: dict[str, tuple[Any, str]] = {}
    faults: list[Fault] = []
    for level, layer in enumerate(stack):
        faults += _apply(file, layer, values, bounds)
        if level < depth:
            bounds = dict(values)
    faults += _contradictions(file, values, bounds, stack)
    settled = {key: value for key, (value, _) in values.items()}
    return Policy(**settled, origins={key: origin for key, (_, origin) in values.items()}), faults


def _apply(
    file: str, layer: Layer, values: dict[str, tuple[Any, str]], bounds: dict[str, tuple[Any, str]]
) -> list[Fault]:
    """Lay one layer over `values`, in place, and return what it loosens of `bounds`."""
    faults = []
    for key, literal in layer.keys.items():
        value = literal.value
        if ORDERS.get(key) is UNION and key in values:
            value = tuple(dict.fromkeys((*values[key][0], *value)))
        elif _loosens(key, bounds, value):
            outer, origin = bounds[key]
            faults.append(
                Fault(
                    file=file,
                    line=literal.line,
                    found=f"{key}={_spell(value)} loosens {key}={_spell(outer)} of {origin}.",
                    cure="A folder's policy can only be tightened below it.",
                )
            )
            continue
        values[key] = (value, layer.origin)
    return faults


def _loosens(key: str, bounds: dict[str, tuple[Any, str]], value: Any) -> bool:
    return key in bounds and key in ORDERS and not ORDERS[key].holds(bounds[key][0], value)


def _spell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _contradictions(
    file: str, values: dict[str, tuple[Any, str]], bounds: dict[str, tuple[Any, str]], stack: list[Layer]
) -> list[Fault]:
    lines = {key: literal.line for layer in stack for key, literal in layer.keys.items()}
    said = {key: value for key, (value, _) in values.items()}
    opened = "public" if said.get("public") else "webhook" if said.get("webhook") else None
    faults = []
    if said.get("public") and said.get("webhook"):
        faults.append(
            Fault(
                file=file,
                line=lines["webhook"],
                found="public and webhook exclude each other: a webhook is authenticated by its signature.",
                cure="Remove public.",
            )
        )
    demanded = next((key for key in _DEMANDS if said.get(key)), None)
    if opened and demanded:
        origin = values[demanded][1]
        is_inherited = demanded in bounds
        found = f"{opened}={said[opened]!r} conflicts with {demanded}={said[demanded]!r}"
        found += f" inherited from {origin}." if is_inherited else "."
        cure = (
            f"Move the file out of that folder, or remove {opened}."
            if is_inherited
            else "Remove one of them."
        )
        faults.append(Fault(file=file, line=lines[opened], found=found, cure=cure))
    if said.get("queue") and not said.get("concurrency"):
        found = "queue limits the calls that wait for concurrency, which is not set."
        faults.append(Fault(file=file, line=lines["queue"], found=found, cure="Set concurrency as well."))
    if said.get("memory") and not said.get("isolate"):
        found = "memory limits the process of an isolated function, and isolate is not set."
        faults.append(Fault(file=file, line=lines["memory"], found=found, cure="Set isolate=True as well."))
    return faults

"""Policies laid on top of each other: project default, folders from the outside in, file, method.

What a folder demands can be tightened below it and never loosened; only a function's own file opens a route.
"""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct

from runtime.config import FACTORS, Policy, reverification_of
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.keys import rate_of
from runtime.routing.reading.source import Literal, Source


class Layer(Struct, frozen=True):
    """One file's say: where it is written, and the keys it sets."""

    origin: str
    keys: dict[str, Literal]


class Order(Struct, frozen=True):
    """What tighter means for one key.

    Attributes:
        words: what may become of it below a folder that sets it.
        holds: says whether the second value demands at least what the first does.
    """

    words: str
    holds: Callable[[Any, Any], bool]


def _fewer_calls(outer: str, inner: str) -> bool:
    (old, old_period), (new, new_period) = rate_of(outer), rate_of(inner)
    return new * old_period <= old * new_period


def _stricter(outer: str | dict[str, Any], inner: str | dict[str, Any]) -> bool:
    old, new = reverification_of(outer), reverification_of(inner)
    return FACTORS.index(new.level) >= FACTORS.index(old.level) and new.after_minutes <= old.after_minutes


_ON = Order("may be switched on, not off", lambda outer, inner: inner or not outer)
_SAME = Order("stays", lambda outer, inner: inner == outer)
_LESS = Order("may get smaller", lambda outer, inner: inner <= outer)

ORDERS = {
    "org": _ON,
    "role": _SAME,
    "permission": _SAME,
    "feature": _SAME,
    "plan": _SAME,
    "reverification": Order("may get stricter and shorter", _stricter),
    "token_types": Order("may lose members", lambda outer, inner: set(inner) <= set(outer)),
    "timeout": _LESS,
    "concurrency": _LESS,
    "queue": _LESS,
    "rate_limit": Order("may get slower", _fewer_calls),
    "max_body": _LESS,
    "read_only": _ON,
}
"""Keys that are not here have no order: the inner `cancel_on_disconnect` holds, and `tags` add up."""

_ACCESS = ("org", "role", "permission", "feature", "plan", "reverification")


def folders_above(file: str) -> list[str]:
    """Return the `_config.py` paths that could hold for `file`, outermost first."""
    return [(folder / "_config.py").as_posix() for folder in reversed(PurePosixPath(file).parents)]


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
            found=f"methods names {name}, and this file has no {name}.",
            cure=f"Define {name}, or drop its overrides.",
        )
        for name in overrides
        if name not in source.methods
    ]
    policies = {}
    for method in source.methods:
        said = {
            key: Literal(value, methods.line if methods else 0)
            for key, value in overrides.get(method, {}).items()
        }
        stack = [*layers, Layer(source.file, own), Layer(f"{source.file} methods.{method}", said)]
        policies[method], found = _lay(source.file, stack, len(layers))
        faults += found
    return policies, sorted(set(faults))


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
        if key == "tags" and key in values:
            value = tuple(dict.fromkeys((*values[key][0], *value)))
        elif _loosens(key, bounds, value):
            outer, origin = bounds[key]
            faults.append(
                Fault(
                    file=file,
                    line=literal.line,
                    found=f"{key}={_spell(value)} loosens {key}={_spell(outer)} of {origin}.",
                    cure="Below a folder its policy can only be tightened; tighten this, or change it.",
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
                found="public and webhook exclude each other: a webhook is let in by its signature.",
                cure="Drop public.",
            )
        )
    demanded = next((key for key in (*_ACCESS, "token_types") if said.get(key)), None)
    if opened and demanded:
        origin = values[demanded][1]
        cure = (
            f"Move the file out of that folder, or drop {opened}."
            if demanded in bounds
            else "Drop one of them."
        )
        found = f"{opened} lets everybody in, and {origin} demands {demanded}={said[demanded]!r}."
        faults.append(Fault(file=file, line=lines[opened], found=found, cure=cure))
    if said.get("queue") and not said.get("concurrency"):
        found = "queue counts the calls that wait for concurrency, and there is no concurrency."
        faults.append(Fault(file=file, line=lines["queue"], found=found, cure="Set concurrency as well."))
    return faults

"""Types that are known at a look at their parts, which takes a tenth of the time of msgspec's description."""

import inspect
import types
import typing
from typing import Annotated, Any, Literal, Union

import msgspec

from runtime.routing.annotations.walk import CONTAINERS, SCALARS

_SCALARS = frozenset(map(id, (*SCALARS.values(), Any, None, ...)))
_OUTER = frozenset(map(id, (*CONTAINERS.values(), Union, types.UnionType, Annotated)))
"""By identity: to look a class up, Python calls its hash, which may be a file's."""


def is_known(annotation: Any) -> bool:
    """Say whether msgspec takes a type, and leaves nothing in it to a hook; where it is unusual, False."""
    try:
        if not _is_usual(annotation, set()):  # an alias of itself would hold msgspec, and the interpreter
            return False
        msgspec.json.Decoder(annotation)
    except Exception:  # noqa: BLE001 - msgspec, and annotations of any make, raise what they like
        return False
    return True


def _is_usual(annotation: Any, seen: set[int]) -> bool:
    """Say whether a type is made of scalars, literals, lists and the like, unions and structs alone."""
    if id(annotation) in _SCALARS or id(annotation) in seen:
        return True
    if type(annotation) is msgspec.StructMeta:
        seen.add(id(annotation))
        own = annotation.__mro__[: annotation.__mro__.index(msgspec.Struct)]
        return all(_is_usual(each, seen) for cls in own for each in inspect.get_annotations(cls).values())
    origin = typing.get_origin(annotation)
    if id(origin) not in _OUTER:
        return origin is Literal
    inner = typing.get_args(annotation)
    return all(_is_usual(each, seen) for each in (inner[:1] if origin is Annotated else inner))

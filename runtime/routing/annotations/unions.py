"""Unions with a pydantic model in them, which msgspec does not know: each is read and written by pydantic."""

import re
import sys
import typing
from functools import lru_cache
from importlib import import_module
from typing import Annotated, Any, TypeAliasType, Union

from runtime.routing.annotations.describe import is_union
from runtime.routing.annotations.models import Either, is_model


def with_unions(annotation: Any) -> Any:
    """Return an annotation in which an `Either` stands for each union with a pydantic model.

    It is looked for in aliases and inside lists, dicts and the like. The fields of a struct are for msgspec
    to read, and cannot be such a union.
    """
    return annotation if "pydantic.main" not in sys.modules else _rewritten(annotation, frozenset())


def _rewritten(annotation: Any, seen: frozenset[Any]) -> Any:
    if isinstance(annotation, TypeAliasType):
        return annotation if annotation in seen else _instead(annotation, annotation.__value__, seen)
    if typing.get_origin(annotation) is Annotated:
        inner, *metadata = typing.get_args(annotation)
        if _needs_either(inner):
            return _either(inner, _Metadata(metadata))  # a discriminator, say
        made = _rewritten(inner, seen)
        return annotation if made is inner else Annotated[made, *metadata]
    if _needs_either(annotation):
        return _either(annotation, _Metadata([]))
    arguments = typing.get_args(annotation)
    made = [_rewritten(each, seen) for each in arguments]
    if all(new is old for new, old in zip(made, arguments, strict=True)):
        return annotation
    return Union[tuple(made)] if is_union(annotation) else typing.get_origin(annotation)[tuple(made)]  # noqa: UP007  # of a list


def _instead(alias: TypeAliasType, value: Any, seen: frozenset[Any]) -> Any:
    """Return what stands for the value of an alias, and the alias itself where nothing does."""
    made = _rewritten(value, seen | {alias})
    return alias if made is value else made


def _needs_either(annotation: Any) -> bool:
    if not is_union(annotation):
        return False
    members = [each for each in typing.get_args(annotation) if each is not type(None)]
    return len(members) > 1 and any(map(is_model, members))


class _Metadata:
    """What stands beside a union in `Annotated`; one by its text, since it may have no hash."""

    def __init__(self, each: list[Any]) -> None:
        self.each = each

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Metadata) and repr(self.each) == repr(other.each)

    def __hash__(self) -> int:
        return hash(repr(self.each))


@lru_cache(256)
def _either(union: Any, metadata: _Metadata) -> Any:
    """Return the same class for the same union, or the union where pydantic refuses it."""
    members = [each for each in typing.get_args(union) if each is not type(None)]
    name = "Or".join(map(_name, members))
    kind = Annotated[union, *metadata.each] if metadata.each else union
    model = next(filter(is_model, members))
    try:
        root = import_module("pydantic").RootModel[kind]
        root = type(root)(name, (root,), {"__module__": model.__module__, "__doc__": None})
    except Exception:  # noqa: BLE001  # pydantic refuses it, with a Struct among the members, say
        return union
    return Either(name, (), {"model": root, "__module__": model.__module__})


def _name(member: Any) -> str:
    words = re.findall(r"\w+", getattr(member, "__name__", None) or str(member))
    return "".join(word[:1].upper() + word[1:] for word in words)

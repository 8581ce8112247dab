"""A struct for structured output, as the Pydantic model that AutoGen and the provider's client ask for."""

from typing import Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from pydantic import BaseModel, ConfigDict, Field, create_model


def pydantic_model(struct: type[Struct]) -> type[BaseModel]:
    """Return a model with the struct's fields; nested structs are translated too."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        fields[field.encode_name] = (_translated(field.type), _default(field))
    model: type[BaseModel] = create_model(
        struct.__name__, __config__=ConfigDict(extra="forbid"), __doc__=struct.__doc__, **fields
    )
    return model


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not NODEFAULT:
        return Field(default_factory=field.default_factory)
    return ... if field.default is NODEFAULT else field.default


def _translated(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return pydantic_model(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None or not arguments or not any(map(_holds_struct, arguments)):
        return annotation
    translated = tuple(_translated(argument) for argument in arguments)
    if origin in {list, tuple, dict, set, frozenset}:
        return origin[translated]
    joined = translated[0]
    for part in translated[1:]:
        joined = joined | part
    return joined


def _holds_struct(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return True
    return any(map(_holds_struct, get_args(annotation)))

"""pydantic's models (v2) in annotations. pydantic is not imported here: who has made a model has done it."""

import sys
from collections.abc import Iterator
from typing import Any

import msgspec


def is_model(kind: Any) -> bool:
    """Say whether a type is a pydantic model."""
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def revived(kind: type[Any], value: Any) -> Any:
    """Return what a part of a decoded body is as a model; a `dec_hook` of msgspec.

    Raises:
        ValueError: it does not fit; the text says nothing of the value, which `model_mistakes` looks into.
        NotImplementedError: the type is no model.
    """
    if not is_model(kind):
        raise NotImplementedError
    try:
        return kind.model_validate_json(msgspec.json.encode(value))  # as JSON, which strict models ask about
    except ValueError:
        raise ValueError(f"Expected `{kind.__name__}`.") from None


def model_mistakes(value: Any, kind: Any) -> Iterator[tuple[str, str]]:
    """Give dotted field and message of everything that pydantic finds wrong."""
    try:
        kind.model_validate_json(msgspec.json.encode(value))
    except ValueError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):  # type: ignore[attr-defined]  # pydantic's own
            yield ".".join(map(str, each["loc"])), each["msg"].removesuffix(".") + "."


def narrowed_model(value: Any, kind: Any) -> Any:
    """Return `value` as an instance of exactly this model: of a subclass's, only what the model names.

    Raises:
        ValueError: it is no such model, and none can be made of it.
    """
    if not isinstance(value, kind):
        return kind.model_validate(value)
    set_fields = value.model_fields_set & kind.model_fields.keys()
    return kind.model_construct(set_fields, **{name: getattr(value, name) for name in kind.model_fields})


def dumped(value: Any) -> bytes:
    """Return a model as JSON, by its aliases.

    Raises:
        ValueError: a field holds what its annotation does not name.
    """
    text: str = value.model_dump_json(by_alias=True, warnings="error")
    return text.encode()

"""pydantic's models (v2) in annotations. pydantic is not imported here: who has made a model has done it."""

import sys
from collections.abc import Iterator
from typing import Any

import msgspec


class Either(type):
    """The class of a class that stands for a union: msgspec passes it to a hook, as it does a model.

    Attributes:
        model: a root model of the union.
    """

    model: Any

    def __instancecheck__(cls, instance: object) -> bool:
        """Let msgspec keep whatever member of the union the hook has made."""
        return True


def is_model(kind: Any) -> bool:
    """Say whether a type is a pydantic model, or stands for a union with one."""
    pydantic = sys.modules.get("pydantic.main")
    if pydantic is None or not isinstance(kind, type):
        return False
    return isinstance(kind, Either) or issubclass(kind, pydantic.BaseModel)


def model_of(kind: Any) -> Any:
    """Return the class that pydantic validates a type with."""
    return kind.model if isinstance(kind, Either) else kind


def revived(kind: type[Any], value: Any) -> Any:
    """Return what a part of a decoded body is as a model; a `dec_hook` of msgspec.

    Raises:
        ValueError: it does not fit; the text says nothing of the value, which `model_mistakes` looks into.
        ValidatorFailed: a validator of the model failed in another way.
        NotImplementedError: the type is no model.
    """
    if not is_model(kind):
        raise NotImplementedError
    try:
        made = model_of(kind).model_validate_json(msgspec.json.encode(value))  # strict models ask for JSON
    except ValueError:
        raise ValueError(f"Expected `{kind.__name__}`.") from None
    except TypeError as error:  # which msgspec would take for the caller's mistake
        raise ValidatorFailed(kind.__name__) from error
    return made.root if isinstance(kind, Either) else made


class ValidatorFailed(Exception):
    """A validator of a model raised what pydantic does not take for an objection; a bug of the function."""

    def __init__(self, model: str) -> None:
        super().__init__(f"A validator of {model} failed; raise ValueError in it to refuse a value.")


def model_mistakes(value: Any, kind: Any) -> Iterator[tuple[str, str]]:
    """Give dotted field and message of everything that pydantic finds wrong."""
    try:
        model_of(kind).model_validate_json(msgspec.json.encode(value))
    except ValueError as error:
        yield from objections(error)


def objections(error: ValueError) -> Iterator[tuple[str, str]]:
    """Give dotted field and message of everything in pydantic's error; nothing of the values."""
    for each in error.errors(include_url=False, include_context=False, include_input=False):  # type: ignore[attr-defined]  # pydantic's own
        yield ".".join(map(str, each["loc"])), each["msg"].removesuffix(".") + "."


def narrowed_model(value: Any, kind: Any) -> Any:
    """Return `value` as an instance of exactly this model: of a subclass's, only what the model names.

    Raises:
        ValueError: it is no such model, and none can be made of it.
    """
    if isinstance(kind, Either) or not isinstance(value, kind):
        return model_of(kind).model_validate(value)
    set_fields = value.model_fields_set & kind.model_fields.keys()
    return kind.model_construct(set_fields, **{name: getattr(value, name) for name in kind.model_fields})


def dumped(value: Any) -> bytes:
    """Return a model as JSON, by its aliases.

    Raises:
        ValueError: a field holds what its annotation does not name.
    """
    text: str = value.model_dump_json(by_alias=True, warnings="error")
    return text.encode()

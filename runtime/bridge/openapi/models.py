"""The schemas of pydantic's models, as pydantic writes them, in the shape of our components."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from runtime.routing.annotations.describe import MODULE_PREFIX
from runtime.routing.annotations.models import is_model, model_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    type Schema = dict[str, Any]

_PREFIX = "pydantic:"  # keeps their names apart from those of msgspec's components
_MODULE = re.compile(rf"{MODULE_PREFIX}[0-9a-f]+__")


class ModelSchemas(NamedTuple):
    """What pydantic says of the models, and of everything that they refer to.

    Attributes:
        references: to the component of each model.
        sent: the components as requests have them, by name.
        answered: likewise as responses have them.
        titles: what each component should be called.
    """

    references: dict[Any, Schema]
    sent: dict[str, Schema]
    answered: dict[str, Schema]
    titles: dict[str, str]


def model_schemas(kinds: Iterable[Any], prefix: str) -> ModelSchemas:
    """Describe the models among `kinds`; their references begin with `prefix`."""
    models = sorted(
        {kind for kind in kinds if is_model(kind)}, key=lambda kind: (kind.__module__, kind.__qualname__)
    )
    if not models:
        return ModelSchemas({}, {}, {}, {})
    references, sent = _described(models, "validation", prefix)
    _, answered = _described(models, "serialization", prefix)
    answered = {name: _complete(schema) for name, schema in answered.items()}
    titles = {name: _title(name) for name in (*sent, *answered)}
    return ModelSchemas(references, {**answered, **sent}, {**sent, **answered}, titles)


def _described(
    models: list[Any], mode: Literal["validation", "serialization"], prefix: str
) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    write = import_module("pydantic.json_schema").models_json_schema  # it is there, since models are
    asked = [(model_of(model), mode) for model in models]
    found, whole = write(asked, ref_template=f"{prefix}{_PREFIX}{{model}}")
    components = {f"{_PREFIX}{name}": _untitled(schema) for name, schema in whole.get("$defs", {}).items()}
    return {model: found[model_of(model), mode] for model in models}, components


def _complete(schema: Schema) -> Schema:
    """Require every field, since a response always has them."""
    return {**schema, "required": list(schema["properties"])} if "properties" in schema else schema


def _untitled(schema: Any) -> Any:
    """Leave out the titles that pydantic makes of names; a field called `title` stays."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _untitled(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
    }


def _title(name: str) -> str:
    """Return a model's name; where two share it, pydantic has put their modules before it."""
    words = _MODULE.sub("", name.removeprefix(_PREFIX)).split("__")
    return words[0] if len(words) == 1 else "".join(word[:1].upper() + word[1:] for word in words)

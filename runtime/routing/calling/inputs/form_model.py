"""The fields of a form as a pydantic model, which judges them itself."""

from itertools import islice
from typing import Any

from litestar.datastructures import UploadFile

from runtime.routing.annotations.form import CHECKED, FormField, holds_text, members
from runtime.routing.annotations.models import ValidatorFailed, objections
from runtime.routing.annotations.numbers import UNBOUNDED, unbounded
from runtime.routing.calling.inputs.form import FormParts
from runtime.routing.calling.inputs.validation import MAX_ERRORS
from shared.errors import FieldError


class ModelForm:
    """Makes a model of the parts of a form.

    Args:
        model: what is made.
        fields: of the model.
    """

    def __init__(self, model: Any, fields: list[FormField]) -> None:
        self._model = model
        self._fields = [(each, members(each.annotation)) for each in fields]

    def read(self, parts: FormParts) -> tuple[Any, list[FieldError]]:
        """Return the model, or everything that is wrong.

        Raises:
            ValidatorFailed: a validator of the model has a bug.
        """
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for field, kinds in self._fields:
            given = _given(field, kinds, parts.pop(field.field, []))
            if len(given) > 1 and not kinds & {list, set, frozenset, tuple}:
                errors.append(FieldError("body", field.field, "Given more than once."))
            elif given:
                values[field.field] = given if kinds & {list, set, frozenset, tuple} else given[0]
        values |= {name: given[0] if len(given) == 1 else given for name, given in parts.items()}
        try:
            made = self._model.model_validate(values, strict=False)  # every value is text
        except ValueError as error:
            mentioned = {each.field for each in errors}
            found = (each for each in objections(error) if each[0] not in mentioned)
            return None, errors + [FieldError("body", place, message) for place, message in found]
        except TypeError as error:
            raise ValidatorFailed(self._model.__name__) from error
        places = islice(unbounded(made), MAX_ERRORS)
        return made, errors + [FieldError("body", place, UNBOUNDED) for place in places]


def _given(field: FormField, kinds: set[Any], parts: list[str | UploadFile]) -> list[str | UploadFile]:
    """Return what was given for a field: nothing where it was left empty, and is no text."""
    if not holds_text(field.annotation):
        parts = [part for part in parts if part != ""]
    if bool in kinds:
        return [CHECKED.get(part, part) if isinstance(part, str) else part for part in parts]
    return parts

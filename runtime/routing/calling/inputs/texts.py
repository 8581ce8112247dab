"""Values that arrive as text: of the query string, of headers, of cookies, of a form's fields."""

from itertools import islice
from typing import Any, get_args, get_origin

import msgspec

from runtime.routing.annotations.defaults import fresh
from runtime.routing.annotations.numbers import UNBOUNDED, has_numbers, unbounded
from runtime.routing.calling.inputs.validation import MAX_ERRORS, Arguments, mistakes, without_metadata
from runtime.routing.input_kind import Location
from shared.errors import FieldError


class TextReader:
    """One value, given as one text or, where it is a list, as several.

    Attributes:
        field: what it is called in the request.
        is_list: several texts make one value.
    """

    def __init__(self, location: Location, field: str, name: str, annotation: Any, default: Any) -> None:
        self.field = field
        self.is_list = _is_list(annotation)
        self._location = location
        self._name = name
        self._kind = annotation
        self._is_required = default is msgspec.NODEFAULT
        self._fresh = fresh(default)
        self._has_numbers = has_numbers(annotation)

    def read(self, arguments: Arguments, values: list[str] | None, errors: list[FieldError]) -> None:
        """Add the value to `arguments`, or what is wrong to `errors`; where absent, the default holds."""
        if values is None:
            if self._is_required:
                errors.append(self._error("Required."))
            elif self._fresh:
                arguments[self._name] = self._fresh()
            return
        if len(values) > 1 and not self.is_list:
            errors.append(self._error("Given more than once."))
            return
        value = values if self.is_list else values[0]
        try:
            arguments[self._name] = made = msgspec.convert(value, self._kind, strict=False)
            if self._has_numbers:
                errors += [self._error(UNBOUNDED, place) for place in islice(unbounded(made), MAX_ERRORS)]
        except msgspec.ValidationError:
            for place, message in islice(mistakes(value, self._kind, strict=False), MAX_ERRORS):
                # That it "got `str`" is true of every text.
                errors.append(self._error(message.split(", got ")[0].rstrip(".") + ".", place))

    def _error(self, message: str, place: str = "") -> FieldError:
        return FieldError(self._location, f"{self.field}.{place}" if place else self.field, message)


def _is_list(kind: Any) -> bool:
    kind = without_metadata(kind)
    members = [without_metadata(member) for member in (kind, *get_args(kind))]
    return any(get_origin(member) in {list, set, frozenset, tuple} for member in members)

"""Query parameters."""

from itertools import islice
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec

from runtime.asgi.messages import Scope
from runtime.routing.annotations.defaults import fresh
from runtime.routing.annotations.numbers import UNBOUNDED, has_numbers, unbounded
from runtime.routing.calling.inputs.validation import MAX_ERRORS, Arguments, mistakes, without_metadata
from runtime.routing.operation import Input
from shared.errors import FieldError, Malformed

MAX_FIELDS = 1000  # query parameters; beyond, the request is malformed


def read_query(scope: Scope) -> dict[str, list[str]]:
    """Return the values of each query parameter.

    Raises:
        Malformed: there are more than `MAX_FIELDS`.
    """
    given: dict[str, list[str]] = {}
    if text := scope["query_string"]:
        try:
            pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise Malformed(f"The query string has more than {MAX_FIELDS} parameters.") from None
        for name, value in pairs:
            given.setdefault(name, []).append(value)
    return given


class QueryReader:
    """One query parameter."""

    def __init__(self, given: Input) -> None:
        self.name = given.name
        self._kind = given.annotation
        self._is_required = given.default is msgspec.NODEFAULT
        self._is_list = _is_list(given.annotation)
        self._fresh = fresh(given.default)
        self._has_numbers = has_numbers(given.annotation)

    def read(self, arguments: Arguments, values: list[str] | None, errors: list[FieldError]) -> None:
        """Add the value to `arguments`, or what is wrong to `errors`; where absent, the default holds."""
        if values is None:
            if self._is_required:
                errors.append(FieldError("query", self.name, "Required."))
            elif self._fresh:
                arguments[self.name] = self._fresh()
            return
        if len(values) > 1 and not self._is_list:
            errors.append(FieldError("query", self.name, "Given more than once."))
            return
        value = values if self._is_list else values[0]
        try:
            arguments[self.name] = made = msgspec.convert(value, self._kind, strict=False)
            if self._has_numbers:
                places = (f"{self.name}.{place}".rstrip(".") for place in unbounded(made))
                errors += [FieldError("query", place, UNBOUNDED) for place in islice(places, MAX_ERRORS)]
        except msgspec.ValidationError:
            for field, message in islice(mistakes(value, self._kind, strict=False), MAX_ERRORS):
                # That it "got `str`" is true of every query string.
                expected = message.split(", got ")[0].rstrip(".") + "."
                errors.append(FieldError("query", f"{self.name}.{field}" if field else self.name, expected))


def _is_list(kind: Any) -> bool:
    kind = without_metadata(kind)
    members = [without_metadata(member) for member in (kind, *get_args(kind))]
    return any(get_origin(member) in {list, set, frozenset, tuple} for member in members)

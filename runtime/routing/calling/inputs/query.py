"""The query string."""

from urllib.parse import parse_qsl

from runtime.asgi.messages import Scope
from shared.errors import Malformed

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

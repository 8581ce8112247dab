"""Request headers and cookies that functions take as inputs."""

from runtime.asgi.messages import Scope


def read_header(scope: Scope, name: bytes, *, is_list: bool) -> list[str] | None:
    """Return the values of a header, None where it was not sent.

    The bytes are read as latin-1, which is what browsers write (Fetch standard, 2.2.2).

    Args:
        scope: of the request.
        name: in lower case.
        is_list: its lines are one list, separated by commas (RFC 9110, 5.6.1).
    """
    lines: list[str] = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    if not lines:
        return None
    if not is_list:
        return lines
    return [part for line in lines for each in line.split(",") if (part := each.strip())]


def read_cookies(scope: Scope) -> dict[str, list[str]]:
    """Return the values of each cookie (RFC 6265, 5.4); a name that came twice has two.

    A cookie of a longer path comes first, so a value that a page has set for itself stands before one of the
    whole site; which of them is meant nobody can say.
    """
    given: dict[str, list[str]] = {}
    for key, line in scope["headers"]:
        if key == b"cookie":
            for pair in line.decode("latin-1").split(";"):
                name, equals, value = pair.strip().partition("=")
                if equals:
                    given.setdefault(name.strip(), []).append(_unquoted(value.strip()))
    return given


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value

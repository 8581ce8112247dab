"""What all answers with a head of their own have in common, and the header fields of that head."""

import re
from collections.abc import Iterable, Mapping

from runtime.answers.cookies import SetCookie

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


class Answer:
    """A returned value that says more than its JSON."""

    __slots__ = ()


def fields_of(headers: Mapping[str, str], cookies: Iterable[SetCookie]) -> list[tuple[bytes, bytes]]:
    """Return header fields as they are sent, names in lower case.

    Raises:
        ValueError: a name or value cannot stand in a header (RFC 9110, 5.1 and 5.5).
    """
    fields: list[tuple[bytes, bytes]] = []
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError("A header's name has letters, digits and `-` alone; correct it.")
        if not _VALUE.fullmatch(value):
            msg = f"The value of the header {name} must be one line of ASCII text; encode what is not."
            raise ValueError(msg)
        fields.append((name.lower().encode(), value.strip().encode()))
    return [*fields, *((b"set-cookie", cookie.line()) for cookie in cookies)]

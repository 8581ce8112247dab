"""A cookie that an answer sets (RFC 6265)."""

import re
from typing import Literal, Self

from msgspec import Struct

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_ATTRIBUTE = re.compile(r"[\x20-\x3a\x3c-\x7e]+")


class SetCookie(Struct, frozen=True):
    """One cookie; by default it is sent over TLS alone, and no script can read it.

    Attributes:
        name: a token, such as `theme`.
        value: ASCII without spaces, quotes, commas, semicolons and backslashes; percent-encode the rest.
        max_age: seconds; None until the browser is closed, 0 deletes it.
        path: URLs below it send it.
        domain: None for this host alone.
        secure: over TLS alone; browsers make an exception for localhost.
        httponly: no script can read it.
        samesite: `none` needs `secure`.

    Raises:
        ValueError: browsers would ignore or misread it.
    """

    name: str
    value: str
    max_age: int | None = None
    path: str = "/"
    domain: str | None = None
    secure: bool = True
    httponly: bool = True
    samesite: Literal["lax", "strict", "none"] = "lax"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("A cookie's name has letters, digits, `-` and `_` alone; correct it.")
        if not _VALUE.fullmatch(self.value):
            msg = f"The cookie {self.name} has a value that no cookie can hold; use `urllib.parse.quote`."
            raise ValueError(msg)
        if not all(_ATTRIBUTE.fullmatch(each) for each in (self.path, self.domain or "-")):
            raise ValueError(f"The cookie {self.name} has a path or domain with a character that ends it.")
        if self.samesite not in {"lax", "strict", "none"}:
            raise ValueError(f'The cookie {self.name} needs samesite="lax", "strict" or "none".')
        if not self.secure and (self.samesite == "none" or self.name.startswith(("__Secure-", "__Host-"))):
            raise ValueError(f"Browsers ignore the cookie {self.name} without secure=True.")
        if self.name.startswith("__Host-") and (self.domain or self.path != "/"):
            raise ValueError(f'Browsers ignore the cookie {self.name} with a domain, or a path but "/".')

    @classmethod
    def deleted(cls, name: str, *, path: str = "/", domain: str | None = None) -> Self:
        """Return what deletes a cookie; path and domain are those that it was set with."""
        return cls(name, "", max_age=0, path=path, domain=domain)

    def line(self) -> bytes:
        """Return the value of `Set-Cookie`."""
        parts = [f"{self.name}={self.value}", f"Path={self.path}"]
        if self.max_age is not None:
            parts.append(f"Max-Age={self.max_age}")
        if self.domain:
            parts.append(f"Domain={self.domain}")
        parts += ["Secure"] * self.secure + ["HttpOnly"] * self.httponly
        return "; ".join([*parts, f"SameSite={self.samesite.capitalize()}"]).encode()

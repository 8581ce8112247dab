"""How a function says that an input comes from a header, a cookie or a form: `Annotated[str, Header()]`."""

from msgspec import Struct


class Header(Struct, frozen=True):
    """The value is a request header's.

    Attributes:
        name: of the header; by default the parameter's, so that `x_api_key` is `X-Api-Key`.
    """

    name: str = ""


class Cookie(Struct, frozen=True):
    """The value is a cookie's.

    Attributes:
        name: of the cookie; by default the parameter's.
    """

    name: str = ""


class Form(Struct, frozen=True):
    """The value is a form, urlencoded or multipart, with a part for each field of its struct."""


type InputSource = Header | Cookie | Form

SOURCES = (Header, Cookie, Form)

"""The body of a request: of the right media type, readable, or refused with the reason."""

from enum import Enum
from typing import Any

from litestar import Request
from litestar.enums import RequestEncodingType
from litestar.exceptions import InternalServerException, SerializationException
from litestar.handlers import BaseRouteHandler
from litestar.params import BodyKwarg

from shared.errors import Malformed, UnsupportedMediaType


class Media(Enum):
    """What a handler reads, by its media types."""

    NOTHING = ()
    JSON = ("application/json",)
    FORM = ("multipart/form-data", "application/x-www-form-urlencoded")

    @classmethod
    def of(cls, handler: BaseRouteHandler) -> "Media":
        """Return what the `data` parameter of a handler is read from."""
        data = handler.parsed_fn_signature.parameters.get("data")
        if data is None:
            return cls.NOTHING
        kind = data.kwarg_definition
        is_form = isinstance(kind, BodyKwarg) and kind.media_type in {
            RequestEncodingType.MULTI_PART,
            RequestEncodingType.URL_ENCODED,
        }
        return cls.FORM if is_form else cls.JSON

    def refuse(self, content_type: bytes | None) -> None:
        """Refuse a body of another type; one that says nothing of its type is of another.

        A browser sends `text/plain` to any origin without asking first, so reading it as JSON would let every
        page post here.

        Raises:
            UnsupportedMediaType: naming what is read.
        """
        if self is Media.NOTHING:
            return
        kind = (content_type or b"").partition(b";")[0].strip().lower().decode("latin-1")
        if kind in self.value or (self is Media.JSON and _is_json_suffix(kind)):
            return
        raise UnsupportedMediaType(f"Send the body as {' or '.join(self.value)}.")


def _is_json_suffix(kind: str) -> bool:
    """`application/vnd.example+json` is JSON too (RFC 6839)."""
    return kind.startswith("application/") and kind.endswith("+json")


class CheckedRequest(Request[Any, Any, Any]):
    """Litestar's request, but a body that cannot be read is the caller's mistake and never a 500 of ours."""

    async def json(self) -> Any:
        """Return the decoded body.

        Raises:
            Malformed: it is not JSON, not UTF-8, or nested beyond the decoder's depth (some hundred levels).
        """
        try:
            return await super().json()
        except SerializationException as error:
            # msgspec names the byte, never the content.
            raise Malformed(f"The body is not valid JSON ({error.detail}).") from None
        except UnicodeDecodeError:
            raise Malformed("The body is not valid UTF-8.") from None
        except RecursionError:
            raise Malformed("The body is nested too deeply.") from None

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            Malformed: the connection closed before it was complete.
        """
        try:
            return await super().body()
        except InternalServerException as error:
            if error.detail == "client disconnected prematurely":
                raise Malformed("The body ended before it was complete.") from None
            raise

"""The raw request that a function may ask for."""

from typing import Any

from litestar import Request
from litestar.exceptions import InternalServerException, SerializationException

from shared.errors import Malformed


class RawRequest(Request[Any, Any, Any]):
    """Litestar's request, but a body that cannot be read is the caller's mistake and not a 500 of ours."""

    async def json(self) -> Any:
        """Return the decoded body.

        Raises:
            Malformed: it is not JSON, not UTF-8, or nested beyond the decoder's depth.
        """
        try:
            return await super().json()
        except SerializationException:
            raise Malformed("The body is not valid JSON.") from None
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

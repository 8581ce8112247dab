"""The raw request that a function may ask for."""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request
from litestar.datastructures import FormMultiDict
from litestar.exceptions import HTTPException, SerializationException
from litestar.types import Empty
from litestar.utils.scope.state import ScopeState

from runtime.asgi.messages import CallerLeft
from runtime.routing.calling.inputs.form import read_form
from shared.errors import Malformed, TooLarge


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

    async def form(self) -> FormMultiDict:
        """Return the fields of the form.

        Raises:
            Malformed: it cannot be parsed, or a field is no text in the encoding that it names.
        """
        kind, options = self.content_type
        state = ScopeState.from_scope(self.scope)
        if kind == "multipart/form-data" and state.form is Empty:
            state.form = await read_form(self.stream(), options.get("boundary", ""))
        try:
            return await super().form()
        except ValueError:
            raise Malformed("The form is not valid UTF-8.") from None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Give the body as it arrives; every other way to read it comes through here.

        Raises:
            CallerLeft: the connection closed before it was complete.
            TooLarge: it exceeds the function's limit.
        """
        try:
            async for piece in super().stream():
                yield piece
        except HTTPException as error:
            if error.detail == "client disconnected prematurely":
                raise CallerLeft from None
            if error.status_code == 413:
                raise TooLarge("The body exceeds this function's limit.") from None
            raise

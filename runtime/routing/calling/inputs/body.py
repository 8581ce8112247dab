"""The body of a request: JSON, or the files of a multipart form."""

from itertools import islice
from typing import Any, get_origin

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile

from runtime.asgi.invocation import BODY_KEY
from runtime.asgi.messages import CallerLeft, Receive, Scope, header
from runtime.routing.annotations.defaults import completion, fresh
from runtime.routing.annotations.models import revived
from runtime.routing.annotations.numbers import UNBOUNDED, has_numbers, unbounded
from runtime.routing.calling.inputs.validation import MAX_ERRORS, Arguments, mistakes, split, without_metadata
from runtime.routing.operation import Input
from shared.errors import FieldError, Malformed, UnsupportedMediaType


class BodyReader:
    """The JSON body; `is_kept` for a call that may have to be made again."""

    def __init__(self, given: Input, *, is_kept: bool = False) -> None:
        self._is_kept = is_kept
        self._name = given.name
        self._kind = given.annotation
        self._is_required = given.default is msgspec.NODEFAULT
        self._fresh = fresh(given.default)
        self._complete = completion(given.annotation)
        self._has_numbers = has_numbers(given.annotation)
        self._decode = msgspec.json.Decoder(given.annotation, dec_hook=revived).decode
        self._read_as = getattr(given.annotation, "read_as", None)  # a type that understands other formats

    async def read(self, arguments: Arguments, scope: Scope, receive: Receive) -> list[FieldError]:
        """Add the decoded body to `arguments`, or return what is wrong with it."""
        media = media_type(scope)
        body = await _whole(receive)
        if self._is_kept:
            scope[BODY_KEY] = body
        if not body and not self._is_required:
            if self._fresh:
                arguments[self._name] = self._fresh()
            return []
        if not body and media is None:
            return [FieldError("body", "", "Required.")]
        # A browser sends text/plain to any origin without asking first: read as JSON, every page could post
        # here.
        if media != "application/json" and not (
            media and media.startswith("application/") and media.endswith("+json")
        ):
            raise UnsupportedMediaType("Send the body as application/json.")
        arguments[self._name], errors = self._parse(body)
        if self._complete:
            arguments[self._name] = self._complete(arguments[self._name])
        return errors

    def _parse(self, body: bytes) -> tuple[Any, list[FieldError]]:
        kind = self._kind
        try:
            try:
                value = self._decode(body)
                places = islice(unbounded(value), MAX_ERRORS) if self._has_numbers else ()
                return value, [FieldError("body", place, UNBOUNDED) for place in places]
            except msgspec.ValidationError as error:
                refused = error
            raw = msgspec.json.decode(body)  # all of it: what follows the first mistake may be no JSON
            if self._read_as is not None and (other := self._read_as(raw)) is not None:
                kind, raw = other
                try:
                    return msgspec.convert(raw, kind, dec_hook=revived), []
                except msgspec.ValidationError as error:
                    refused = error
            # A name that stands twice may hide the mistake: here the last one holds, and it may fit.
            found = [*islice(mistakes(raw, kind), MAX_ERRORS)] or [split(refused)]
        except msgspec.DecodeError as error:
            reason = str(error).removeprefix("JSON is malformed: ")
            raise Malformed(f"The body is not valid JSON: {reason}.") from None
        except TypeError:  # a signalling NaN cannot be hashed
            raise Malformed("A key of the body is no number.") from None
        except UnicodeDecodeError:
            raise Malformed("The body is not valid UTF-8.") from None
        except RecursionError:
            raise Malformed("The body is nested too deeply.") from None
        return None, [FieldError("body", field, message) for field, message in found]


class UploadReader:
    """Files of a multipart form."""

    def __init__(self, given: Input) -> None:
        bare = without_metadata(given.annotation)
        self._name = given.name
        self._is_required = given.default is msgspec.NODEFAULT
        self._fresh = fresh(given.default)
        self._shape = get_origin(bare) if get_origin(bare) in {list, dict} else None

    async def read(self, arguments: Arguments, request: Request[Any, Any, Any]) -> list[FieldError]:
        """Add the uploaded files to `arguments`, or return what is wrong."""
        if media_type(request.scope) != "multipart/form-data":
            raise UnsupportedMediaType("Send the files as multipart/form-data.")
        form = await request.form()
        files = [(name, value) for name, value in form.items() if isinstance(value, UploadFile)]
        if not files:
            if self._fresh:
                arguments[self._name] = self._fresh()
            return [FieldError("body", "", "Expected a file.")] if self._is_required else []
        if self._shape is list:
            arguments[self._name] = [value for _, value in files]
        elif self._shape is dict:
            return self._by_name(arguments, files)
        elif len(files) > 1:
            return [FieldError("body", "", "Expected one file.")]
        else:
            arguments[self._name] = files[0][1]
        return []

    def _by_name(self, arguments: Arguments, files: list[tuple[str, UploadFile]]) -> list[FieldError]:
        names = [name for name, _ in files]
        arguments[self._name] = dict(files)
        repeated = (name for name in arguments[self._name] if names.count(name) > 1)
        return [FieldError("body", name, "Given more than once.") for name in repeated]


def media_type(scope: Any) -> str | None:
    """Return the content type without its parameters, None where none was sent."""
    value = header(scope, b"content-type")
    return None if value is None else value.partition(b";")[0].strip().lower().decode("latin-1")


async def _whole(receive: Receive) -> bytes:
    """Return the body; the gate limits its size."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise CallerLeft
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)

"""One operation as an ASGI application: request in, arguments out of it, function called, answer written.

Everything that can be known at start is worked out at start. Litestar's own injection is not used here:
it stops at the first bad parameter, reads JSON of any content type, and takes about twice as long.
"""

import inspect
from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.types import Empty
from litestar.utils.scope.state import ScopeState

from runtime.asgi import Receive, Scope, Send
from runtime.invocation import SCOPE_KEY
from runtime.routing.operation import Input, Operation
from runtime.routing.request import RawRequest
from runtime.routing.validation import LIMIT, mistakes
from runtime.routing.workers import Workers
from runtime.streams import event_stream
from shared.errors import FieldError, Invalid, Malformed, NotFound, UnsupportedMediaType

THREADS = 8  # calls of one plain `def` at once, unless its config says `concurrency`
MAX_FIELDS = 1000  # query parameters; beyond, the request is malformed

type Arguments = dict[str, Any]


class Adapter:
    """What Litestar calls for one operation, behind router and gate.

    Args:
        operation: must be free of faults.
    """

    def __init__(self, operation: Operation) -> None:
        policy = operation.endpoint.policy
        self._operation = operation
        self._function = operation.function
        self._is_waited_for = inspect.iscoroutinefunction(operation.function)
        self._is_called_here = self._is_waited_for or inspect.isasyncgenfunction(operation.function)
        self._workers = Workers(
            f"{operation.endpoint.method} {operation.endpoint.template}", policy.concurrency or THREADS
        )
        self._path = [(each.name, _converter(each.annotation)) for each in _of(operation, "path")]
        self._query = [_Query(each) for each in _of(operation, "query")]
        self._body = next((_Body(each) for each in _of(operation, "body")), None)
        self._upload = next((_Upload(each) for each in _of(operation, "upload")), None)
        self._user = [each.name for each in _of(operation, "user")]
        self._database = [each.name for each in _of(operation, "database")]
        self._agents = [each.name for each in _of(operation, "agents")]
        self._request = [each.name for each in _of(operation, "request")]
        self._encode = msgspec.json.Encoder().encode
        self._is_empty = operation.returns in {None, type(None)}
        self._status = policy.status or (204 if self._is_empty else 200)
        self._headers = [(b"cache-control", _cache_control(operation))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            NotFound: a path value is not of its type.
            Invalid: the input does not fit; lists every field.
            Malformed: it cannot be read.
            UnsupportedMediaType: the body is of another content type.
        """
        if self._upload is None:
            await self._serve(scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        finally:
            await self._upload.close(scope)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        arguments: Arguments = {}
        self._inject(arguments, scope, receive, send)
        errors = self._read_query(arguments, scope) if self._query else []
        if self._body is not None:
            errors += await self._body.read(arguments, scope, receive)
        elif self._upload is not None:
            errors += await self._upload.read(arguments, RawRequest(scope, receive, send))  # type: ignore[arg-type] # a TypedDict there
        if errors:
            raise Invalid(errors=tuple(errors[:LIMIT]))
        await self._answer(await self._call(arguments), scope, receive, send)

    async def _call(self, arguments: Arguments) -> Any:
        if not self._is_called_here:
            value = await self._workers.run(self._function, arguments)
            return await value if inspect.isawaitable(value) else value
        value = self._function(**arguments)
        return await value if self._is_waited_for else value

    def _inject(self, arguments: Arguments, scope: Scope, receive: Receive, send: Send) -> None:
        for name, convert in self._path:
            arguments[name] = convert(scope["path_params"][name])
        for name in self._user:
            arguments[name] = scope[SCOPE_KEY].user
        for name in self._database:
            database = scope["app"].state.database
            arguments[name] = database.read_only() if self._operation.endpoint.policy.read_only else database
        for name in self._agents:
            arguments[name] = scope["app"].state.agents
        for name in self._request:
            arguments[name] = RawRequest(scope, receive, send)  # type: ignore[arg-type] # a TypedDict there

    def _read_query(self, arguments: Arguments, scope: Scope) -> list[FieldError]:
        given: dict[str, list[str]] = {}
        if text := scope["query_string"]:
            try:
                pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
            except ValueError:
                raise Malformed(f"The query string has more than {MAX_FIELDS} parameters.") from None
            for name, value in pairs:
                given.setdefault(name, []).append(value)
        errors: list[FieldError] = []
        for query in self._query:
            query.read(arguments, given.get(query.name), errors)
        return errors

    async def _answer(self, value: Any, scope: Scope, receive: Receive, send: Send) -> None:
        if self._operation.event is not None:
            value = event_stream(value, self._operation.endpoint)
        if isinstance(value, Response):
            request = RawRequest(scope, receive, send)  # type: ignore[arg-type] # a TypedDict there
            answer = value.to_asgi_response(app=None, request=request)
            await answer(scope, receive, send)  # type: ignore[arg-type] # likewise
            return
        if self._is_empty:
            body, headers = b"", self._headers
        else:
            body = self._encode(value)
            headers = [(b"content-type", b"application/json"), *self._headers]
        if self._status != 204:
            headers = [*headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


class _Query:
    """One query parameter."""

    def __init__(self, given: Input) -> None:
        self.name = given.name
        self._kind = given.annotation
        self._is_required = given.default is msgspec.NODEFAULT
        self._is_list = _is_list(given.annotation)

    def read(self, arguments: Arguments, values: list[str] | None, errors: list[FieldError]) -> None:
        """Add the value to `arguments`, or what is wrong to `errors`; where absent, the default holds."""
        if values is None:
            if self._is_required:
                errors.append(FieldError("query", self.name, "Required."))
            return
        if len(values) > 1 and not self._is_list:
            errors.append(FieldError("query", self.name, "Given more than once."))
            return
        value = values if self._is_list else values[0]
        try:
            arguments[self.name] = msgspec.convert(value, self._kind, strict=False)
        except msgspec.ValidationError:
            for field, message in islice(mistakes(value, self._kind, strict=False), LIMIT):
                # That it "got `str`" is true of every query string.
                expected = message.split(", got ")[0].rstrip(".") + "."
                errors.append(FieldError("query", f"{self.name}.{field}" if field else self.name, expected))


class _Body:
    """The JSON body."""

    def __init__(self, given: Input) -> None:
        self._name = given.name
        self._kind = given.annotation
        self._is_required = given.default is msgspec.NODEFAULT
        self._decode = msgspec.json.Decoder(given.annotation).decode

    async def read(self, arguments: Arguments, scope: Scope, receive: Receive) -> list[FieldError]:
        """Add the decoded body to `arguments`, or return what is wrong with it."""
        media = _media_type(scope)
        body = await _whole(receive)
        if not body and not self._is_required:
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
        return errors

    def _parse(self, body: bytes) -> tuple[Any, list[FieldError]]:
        try:
            try:
                return self._decode(body), []
            except msgspec.ValidationError:
                raw = msgspec.json.decode(body)  # all of it: what follows the first mistake may be no JSON
        except msgspec.DecodeError as error:
            reason = str(error).removeprefix("JSON is malformed: ")
            raise Malformed(f"The body is not valid JSON: {reason}.") from None
        except UnicodeDecodeError:
            raise Malformed("The body is not valid UTF-8.") from None
        except RecursionError:
            raise Malformed("The body is nested too deeply.") from None
        found = islice(mistakes(raw, self._kind), LIMIT)
        return None, [FieldError("body", field, message) for field, message in found]


class _Upload:
    """Files of a multipart form."""

    def __init__(self, given: Input) -> None:
        bare = _bare(given.annotation)
        self._name = given.name
        self._is_required = given.default is msgspec.NODEFAULT
        self._shape = get_origin(bare) if get_origin(bare) in {list, dict} else None

    async def read(self, arguments: Arguments, request: Request[Any, Any, Any]) -> list[FieldError]:
        """Add the uploaded files to `arguments`, or return what is wrong."""
        if _media_type(request.scope) != "multipart/form-data":
            raise UnsupportedMediaType("Send the files as multipart/form-data.")
        form = await request.form()
        files = [(name, value) for name, value in form.items() if isinstance(value, UploadFile)]
        if not files:
            return [FieldError("body", "", "Expected a file.")] if self._is_required else []
        if self._shape is list:
            arguments[self._name] = [value for _, value in files]
        elif self._shape is dict:
            arguments[self._name] = dict(files)
        elif len(files) > 1:
            return [FieldError("body", "", "Expected one file.")]
        else:
            arguments[self._name] = files[0][1]
        return []

    async def close(self, scope: Any) -> None:
        """Delete what the files took on disk."""
        form = ScopeState.from_scope(scope).form
        if form is not Empty:
            await FormMultiDict.from_form_data(form).close()


def _of(operation: Operation, source: str) -> list[Input]:
    return [each for each in operation.inputs if each.source == source]


def _converter(kind: Any) -> Callable[[str], Any]:
    """Return what makes a path segment a `kind`; it raises NotFound where it is none."""
    if kind is str:
        return str

    def convert(text: str) -> Any:
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            raise NotFound("route") from None

    return convert


def _cache_control(operation: Operation) -> bytes:
    policy = operation.endpoint.policy
    if operation.endpoint.method != "GET" or not policy.cache:
        return b"no-store"
    return f"{'public' if policy.public else 'private'}, max-age={policy.cache}".encode()


def _media_type(scope: Any) -> str | None:
    for name, value in scope["headers"]:
        if name == b"content-type":
            text: str = value.partition(b";")[0].strip().lower().decode("latin-1")
            return text
    return None


async def _whole(receive: Receive) -> bytes:
    """Return the body; its size is the gate's to bound."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Malformed("The body ended before it was complete.")
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _bare(kind: Any) -> Any:
    return _bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def _is_list(kind: Any) -> bool:
    kind = _bare(kind)
    members = [_bare(member) for member in (kind, *get_args(kind))]
    return any(get_origin(member) in {list, set, frozenset, tuple} for member in members)

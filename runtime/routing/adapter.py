"""One operation as an ASGI application: request in, arguments out of it, function called, answer written.

Everything that can be known at start is worked out at start. Litestar's own injection is not used here:
it stops at the first bad parameter, reads JSON of any content type, and takes about twice as long.
"""

import inspect
from typing import Any

import msgspec
from litestar import Response

from runtime.asgi import Receive, Scope, Send
from runtime.exits import EXITS, refused
from runtime.invocation import SCOPE_KEY
from runtime.routing.inputs import Arguments, BodyReader, QueryReader, UploadReader, converter, read_query
from runtime.routing.operation import Input, Operation
from runtime.routing.request import RawRequest
from runtime.routing.validation import LIMIT
from runtime.routing.workers import Workers
from runtime.streams import event_stream
from shared.errors import FieldError, Invalid

THREADS = 8  # calls of one plain `def` at once, unless its config says `concurrency`


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
        self._path = [(each.name, converter(each.annotation)) for each in _of(operation, "path")]
        self._query = [QueryReader(each) for each in _of(operation, "query")]
        self._body = next((BodyReader(each) for each in _of(operation, "body")), None)
        self._upload = next((UploadReader(each) for each in _of(operation, "upload")), None)
        self._user = [each.name for each in _of(operation, "user")]
        self._database = [each.name for each in _of(operation, "database")]
        self._agents = [each.name for each in _of(operation, "agents")]
        self._request = [each.name for each in _of(operation, "request")]
        self._encode = msgspec.json.Encoder().encode
        self._is_empty = operation.returns in {None, type(None)}
        self._status = policy.status or (204 if self._is_empty else 200)
        self._headers = [(b"cache-control", _cache_control(operation))]
        self._json_headers = [(b"content-type", b"application/json"), *self._headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            NotFound: a path value is not of its type.
            Invalid: the input does not fit; lists every field.
            Malformed: it cannot be read.
            UnsupportedMediaType: the body is of another content type.
        """
        try:
            await self._serve(scope, receive, send)
        except EXITS as error:
            raise refused(error) from error
        finally:
            if self._upload is not None:
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
        given = read_query(scope)
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
            headers = self._json_headers
        if self._status != 204:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _of(operation: Operation, source: str) -> list[Input]:
    return [each for each in operation.inputs if each.source == source]


def _cache_control(operation: Operation) -> bytes:
    policy = operation.endpoint.policy
    if operation.endpoint.method != "GET" or not policy.cache:
        return b"no-store"
    return f"{'public' if policy.public else 'private'}, max-age={policy.cache}".encode()

"""One operation as an ASGI application: reads the arguments, calls the function, writes the response.

Everything that can be known at start is worked out at start. Litestar's own injection is not used here:
it stops at the first bad parameter, reads JSON of any content type, and takes about twice as long.
"""

import inspect
import logging
from functools import partial
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException

from runtime.answers import Answer
from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import Fields, Receive, Scope, Send
from runtime.routing.calling.answers.outgoing import Outgoing
from runtime.routing.calling.answers.outputs import EventOutput, Output
from runtime.routing.calling.answers.representation import Representation
from runtime.routing.calling.answers.streams import event_stream
from runtime.routing.calling.exits import EXITS, refused
from runtime.routing.calling.groups import raise_sole
from runtime.routing.calling.inputs.form import close_form
from runtime.routing.calling.inputs.readers import readers_of
from runtime.routing.calling.inputs.request import RawRequest
from runtime.routing.calling.inputs.validation import Arguments
from runtime.routing.calling.refusals import raise_refusal
from runtime.routing.calling.replies.replies import Replies
from runtime.routing.calling.workers import THREADS, Workers
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Operation
from runtime.telemetry import record_exception
from shared.events import Event

logger = logging.getLogger(__name__)

SPECIAL = (Response, Answer)
"""What a function may return that is more than a body."""


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
        self._is_called_here = inspect.isasyncgenfunction(operation.function)
        self._workers = Workers(
            f"{operation.endpoint.method} {operation.endpoint.template}", policy.concurrency or THREADS
        )
        self._readers = readers_of(operation)
        self._given, self._reads = self._readers.given, self._readers.wait
        self._may_read_form = any(
            each.kind in {InputKind.UPLOAD, InputKind.FORM, InputKind.REQUEST} for each in operation.inputs
        )
        self._vary = _vary(operation)
        output = EventOutput if operation.event is Event else Output
        self._output = output(
            operation.event or operation.returns, operation.function, operation.endpoint.file
        )
        self._is_empty = operation.returns in {None, type(None)}
        self._status = policy.status or (204 if self._is_empty else 200)
        self._is_public = not operation.sees_caller
        self._caching = _caching(operation)
        self._representation = Representation(policy, operation.endpoint.method)
        self._replies = Replies(operation, self._output, self._representation, self._caching)
        self._is_special = operation.event is not None or self._replies.are_usual
        kind = [] if self._is_empty else [(b"content-type", b"application/json")]
        self._fields = [*kind, *self._caching]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a group that holds one exception is raised as that exception.

        Raises:
            NotFound: a path value is not of its type.
            Invalid: the input does not fit; lists every field.
            Malformed: it cannot be read.
            UnsupportedMediaType: the body is of another content type.
        """
        try:
            arguments = {name: give(scope, receive, send) for name, give in self._given}
            if self._reads:
                await self._readers.read(arguments, scope, receive, send)
            scope[SCOPE_KEY].has_begun = True
            if self._is_waited_for:
                value = await self._function(**arguments)
            elif self._is_called_here:
                value = self._function(**arguments)
            else:
                value = await self._call_in_thread(arguments)
            await self._answer(value, scope, receive, send)
        except EXITS as error:
            raise refused(error) from error
        except ExceptionGroup as group:
            raise_sole(group)
        except HTTPException as error:
            raise_refusal(error)
        finally:
            if self._may_read_form:
                await close_form(scope)

    async def _call_in_thread(self, arguments: Arguments) -> Any:
        value = await self._workers.run(self._function, arguments)
        return await value if inspect.isawaitable(value) else value

    async def _answer(self, value: Any, scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        invocation.is_public = self._is_public
        if self._vary:
            invocation.response_headers += self._vary
        if self._is_special or isinstance(value, SPECIAL):
            await self._answer_specially(value, scope, receive, send)
            return
        body = self._output.nothing(value) if self._is_empty else self._output.encode(value)
        headers = self._fields
        if self._status != 204:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        status = self._status
        if len(body) >= self._representation.smallest:
            status, headers, body = await self._representation.of(scope, status, headers, body)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer_specially(self, value: Any, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with events, with a response, or with what a function has said of its answer."""
        if self._operation.event is not None and not isinstance(value, Response):
            if not hasattr(value, "__aiter__"):
                raise self._output.mismatch(value, "an iterator of events")
            value = event_stream(
                value, self._operation.endpoint, fit=self._output.fit, encode=self._output.written
            )
        if isinstance(value, Response):
            await self._send_response(value, scope, receive, send)
        else:
            await self._replies.send(value, scope, receive, send)

    async def _send_response(
        self, response: Response[Any], scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = RawRequest(scope, receive, send)  # type: ignore[arg-type] # a TypedDict there
        representation = partial(self._representation.of, scope)
        outgoing = Outgoing(response, send, self._caching, representation)
        answer = response.to_asgi_response(
            app=None, request=request, status_code=self._operation.endpoint.policy.status
        )
        try:
            await answer(scope, receive, outgoing)  # type: ignore[arg-type] # likewise
        except Exception as error:
            if not outgoing.finished:
                raise
            scope[SCOPE_KEY].error = type(error).__qualname__
            extra = {"function": self._operation.endpoint.file}
            logger.exception("an error after the answer was sent", extra=extra)
            record_exception(error)


def _vary(operation: Operation) -> list[tuple[bytes, bytes]]:
    """Name the headers that the answer depends on, for the caller's own cache (RFC 9111, 4.1)."""
    names = [each.field for each in operation.inputs if each.kind is InputKind.HEADER]
    is_cached = operation.endpoint.policy.cache and operation.endpoint.method == "GET"
    return [(b"vary", ", ".join(names).encode())] if names and is_cached else []


def _caching(operation: Operation) -> Fields:
    """Return what a success says of caches; without the config's `cache` nothing, and nobody may store it."""
    policy = operation.endpoint.policy
    if operation.endpoint.method != "GET" or not policy.cache:
        return []
    scope = "private" if operation.sees_caller else "public"
    return [(b"cache-control", f"{scope}, max-age={policy.cache}".encode())]

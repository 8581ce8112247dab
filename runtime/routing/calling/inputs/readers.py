"""How the arguments of one operation are made from a request; worked out once, at start."""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, assert_never, cast

import msgspec

from runtime.asgi.invocation import RUN_KEY, SCOPE_KEY
from runtime.asgi.messages import Receive, Scope, Send
from runtime.routing.annotations.numbers import UNBOUNDED, has_numbers, unbounded
from runtime.routing.calling.inputs.body import BodyReader, UploadReader
from runtime.routing.calling.inputs.form_struct import FormReader
from runtime.routing.calling.inputs.headers import read_cookies, read_header
from runtime.routing.calling.inputs.query import read_query
from runtime.routing.calling.inputs.request import RawRequest
from runtime.routing.calling.inputs.texts import TextReader
from runtime.routing.calling.inputs.validation import MAX_ERRORS, Arguments
from runtime.routing.input_kind import InputKind, Location
from runtime.routing.operation import Input, Operation
from shared.errors import FieldError, Forbidden, Invalid, NotFound
from shared.identity import Member
from shared.work import Jobs

logger = logging.getLogger(__name__)

type Giver = Callable[[Scope, Receive, Send], Any]


class Readers(NamedTuple):
    """What reads the inputs of one operation.

    Attributes:
        given: by name, what gives a value without reading or waiting.
        query: one for each query parameter.
        headers: likewise.
        cookies: likewise.
        body: of the JSON body.
        form: of a form, or of uploaded files.
    """

    given: list[tuple[str, Giver]]
    query: list[TextReader]
    headers: list[TextReader]
    cookies: list[TextReader]
    body: BodyReader | None
    form: FormReader | UploadReader | None

    @property
    def wait(self) -> bool:
        """Whether there is more to read than what is given."""
        return any(self[1:])

    async def read(self, arguments: Arguments, scope: Scope, receive: Receive, send: Send) -> None:
        """Add what the request holds to `arguments`.

        Raises:
            Invalid: with everything that is wrong with it.
        """
        _, queries, headers, cookies, body, form = self
        errors: list[FieldError] = []
        query = read_query(scope) if queries else {}
        for each in queries:
            each.read(arguments, query.get(each.field), errors)
        for each in headers:
            values = read_header(scope, each.field.lower().encode("ascii"), is_list=each.is_list)
            each.read(arguments, values, errors)
        sent = read_cookies(scope) if cookies else {}
        for each in cookies:
            each.read(arguments, sent.get(each.field), errors)
        if body is not None:
            errors += await body.read(arguments, scope, receive)
        elif form is not None:
            errors += await form.read(arguments, RawRequest(scope, receive, send))  # type: ignore[arg-type] # a TypedDict there
        if errors:
            raise Invalid(errors=tuple(errors[:MAX_ERRORS]))


def readers_of(operation: Operation) -> Readers:  # noqa: C901, PLR0912  # a table, read as one
    """Choose a reader for each input."""
    given: list[tuple[str, Giver]] = []
    query: list[TextReader] = []
    headers: list[TextReader] = []
    cookies: list[TextReader] = []
    body: BodyReader | None = None
    form: FormReader | UploadReader | None = None
    for each in operation.inputs:
        match each.kind:
            case InputKind.PATH:
                given.append((each.name, _path_value(each.name, each.annotation)))
            case InputKind.QUERY:
                query.append(_text("query", each))
            case InputKind.HEADER:
                headers.append(_text("header", each))
            case InputKind.COOKIE:
                cookies.append(_text("cookie", each))
            case InputKind.BODY:
                body = BodyReader(each, is_kept=operation.is_repeatable)
            case InputKind.UPLOAD:
                form = UploadReader(each)
            case InputKind.FORM:
                form = FormReader(each)
            case InputKind.USER:
                given.append((each.name, _user))
            case InputKind.MEMBER:
                given.append((each.name, _member))
            case InputKind.DATABASE:
                is_read_only = operation.endpoint.policy.read_only
                given.append((each.name, _read_only_database if is_read_only else _database))
            case InputKind.AGENTS:
                given.append((each.name, _agents(operation)))
            case InputKind.HTTP:
                given.append((each.name, _http))
            case InputKind.SETTINGS:
                given.append((each.name, _made(each.value)))
            case InputKind.JOBS:
                given.append((each.name, _jobs))
            case InputKind.RUN:
                given.append((each.name, _run))
            case InputKind.REQUEST:
                given.append((each.name, cast("Giver", RawRequest)))  # its types differ in name alone
            case _:
                assert_never(each.kind)
    return Readers(given, query, headers, cookies, body, form)


def _text(location: Location, given: Input) -> TextReader:
    return TextReader(location, given.field, given.name, given.annotation, given.default)


def _path_value(name: str, kind: Any) -> Giver:
    convert = _converter(name, kind)
    return lambda scope, _receive, _send: convert(scope["path_params"][name])


def _http(scope: Scope, _receive: Receive, _send: Send) -> Any:
    return scope["app"].state.http.client


def _made(value: Any) -> Giver:
    return lambda _scope, _receive, _send: value


def _user(scope: Scope, _receive: Receive, _send: Send) -> Any:
    return scope[SCOPE_KEY].user


def _member(scope: Scope, _receive: Receive, _send: Send) -> Any:
    member = Member.of(scope[SCOPE_KEY].user)
    if member is None:
        logger.info("auth.forbidden", extra={"reason": "org"})
        raise Forbidden(lacking="an active organisation")
    return member


def _database(scope: Scope, _receive: Receive, _send: Send) -> Any:
    return scope["app"].state.database


def _read_only_database(scope: Scope, _receive: Receive, _send: Send) -> Any:
    return scope["app"].state.database.read_only()


def _agents(operation: Operation) -> Giver:
    demands, is_repeatable = operation.endpoint.policy.demands, operation.is_repeatable

    def give(scope: Scope, _receive: Receive, _send: Send) -> Any:
        state = scope["app"].state
        calls = state.get("calls") if is_repeatable else None
        call = calls.call(scope, operation) if calls else None
        return state.agents.under(demands, desk=state.get("jobs"), call=call)

    return give


def _jobs(scope: Scope, _receive: Receive, _send: Send) -> Any:
    return Jobs(scope["app"].state.jobs, scope[SCOPE_KEY].user)


def _run(scope: Scope, _receive: Receive, _send: Send) -> Any:
    return scope[RUN_KEY]


def _converter(name: str, kind: Any) -> Callable[[str], Any]:
    """Return what makes a path segment a `kind`.

    It raises NotFound where it is none, and Invalid where it is a number that is not bounded.
    """
    if kind is str:
        return str
    may_be_unbounded = has_numbers(kind)

    def convert(text: str) -> Any:
        try:
            value = msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            raise NotFound("route") from None
        if may_be_unbounded and next(unbounded(value), None) is not None:
            raise Invalid(errors=(FieldError("path", name, UNBOUNDED),))
        return value

    return convert

"""How the arguments of one operation are made from a request; worked out once, at start."""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, assert_never, cast

import msgspec

from runtime.asgi.invocation import RUN_KEY, SCOPE_KEY
from runtime.asgi.messages import Receive, Scope, Send
from runtime.routing.annotations.numbers import UNBOUNDED, unbounded
from runtime.routing.calling.inputs.body import BodyReader, UploadReader
from runtime.routing.calling.inputs.query import QueryReader
from runtime.routing.calling.inputs.request import RawRequest
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Operation
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
        body: of the JSON body.
        upload: of uploaded files.
    """

    given: list[tuple[str, Giver]]
    query: list[QueryReader]
    body: BodyReader | None
    upload: UploadReader | None


def readers_of(operation: Operation) -> Readers:  # noqa: C901, PLR0912  # a table, read as one
    """Choose a reader for each input."""
    given: list[tuple[str, Giver]] = []
    query: list[QueryReader] = []
    body: BodyReader | None = None
    upload: UploadReader | None = None
    for each in operation.inputs:
        match each.kind:
            case InputKind.PATH:
                given.append((each.name, _path_value(each.name, each.annotation)))
            case InputKind.QUERY:
                query.append(QueryReader(each))
            case InputKind.BODY:
                body = BodyReader(each)
            case InputKind.UPLOAD:
                upload = UploadReader(each)
            case InputKind.USER:
                given.append((each.name, _user))
            case InputKind.MEMBER:
                given.append((each.name, _member))
            case InputKind.DATABASE:
                is_read_only = operation.endpoint.policy.read_only
                given.append((each.name, _read_only_database if is_read_only else _database))
            case InputKind.AGENTS:
                given.append((each.name, _agents(operation.endpoint.policy.demands)))
            case InputKind.JOBS:
                given.append((each.name, _jobs))
            case InputKind.RUN:
                given.append((each.name, _run))
            case InputKind.REQUEST:
                given.append((each.name, cast("Giver", RawRequest)))  # its types differ in name alone
            case _:
                assert_never(each.kind)
    return Readers(given, query, body, upload)


def _path_value(name: str, kind: Any) -> Giver:
    convert = _converter(name, kind)
    return lambda scope, _receive, _send: convert(scope["path_params"][name])


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


def _agents(demands: str) -> Giver:
    return lambda scope, _receive, _send: scope["app"].state.agents.under(demands)


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

    def convert(text: str) -> Any:
        try:
            value = msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            raise NotFound("route") from None
        if next(unbounded(value), None) is not None:
            raise Invalid(errors=(FieldError("path", name, UNBOUNDED),))
        return value

    return convert

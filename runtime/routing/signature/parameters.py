"""Where the value of each parameter comes from, and what keeps a parameter from being of that kind."""

import inspect
import typing
from typing import Any

import msgspec
from litestar import Request

from runtime.config import JOB
from runtime.routing.annotations.describe import (
    bare,
    describe,
    is_path_value,
    is_query_value,
    is_upload,
    spell,
)
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Input
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import near_miss
from runtime.routing.signature.handler import Handler
from runtime.routing.signature.jobs import job_fault
from shared.agents import Agents
from shared.database import Database
from shared.identity import Member, User
from shared.work import Jobs, Run


def read_parameter(
    handler: Handler, name: str, parameter: inspect.Parameter, hints: dict[str, Any]
) -> Input | Fault:
    """Return where the value of a parameter comes from, or what is wrong with the parameter."""
    where = f"{handler.method}({name})"
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
        return handler.fault(
            f"{where} cannot be passed by name.", "Declare each input as a parameter with a name."
        )
    if name not in hints:
        return handler.fault(f"{where} has no annotation.", "Annotate it, such as `limit: int = 20`.")
    annotation = hints[name]
    default = msgspec.NODEFAULT if parameter.default is parameter.empty else parameter.default
    kind = _kind(handler, name, annotation)
    fault = _misuse(handler, name, kind, annotation)
    return fault or Input(name=name, kind=kind, annotation=annotation, default=default)


def _kind(handler: Handler, name: str, annotation: Any) -> InputKind:  # noqa: C901, PLR0911  # a table, read as one
    members = bare(annotation)
    if name in handler.path:
        return InputKind.PATH
    if Member in members:
        return InputKind.MEMBER
    if User in members:
        return InputKind.USER
    if members == {Database}:
        return InputKind.DATABASE
    if members == {Agents}:
        return InputKind.AGENTS
    if members == {Jobs}:
        return InputKind.JOBS
    if members == {Run}:
        return InputKind.RUN
    if any(isinstance(each, type) and issubclass(each, Request) for each in members):
        return InputKind.REQUEST
    if name == "data":
        return InputKind.UPLOAD if is_upload(annotation) else InputKind.BODY
    return InputKind.QUERY


def _misuse(  # noqa: PLR0911  # a table, read as one
    handler: Handler, name: str, kind: InputKind, annotation: Any
) -> Fault | None:
    """Return what keeps a parameter from being of its kind."""
    if fault := job_fault(handler, name, kind, annotation):
        return fault
    match kind:
        case InputKind.PATH:
            return _path_fault(handler, name, annotation)
        case InputKind.QUERY:
            return _query_fault(handler, name, annotation)
        case InputKind.BODY | InputKind.UPLOAD:
            return _body_fault(handler, kind, annotation)
        case InputKind.USER:
            return _user_fault(handler, name, annotation)
        case InputKind.MEMBER:
            return _member_fault(handler, name, annotation)
        case InputKind.DATABASE | InputKind.AGENTS | InputKind.JOBS | InputKind.RUN | InputKind.REQUEST:
            return None
        case _:
            typing.assert_never(kind)


def _query_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    if is_upload(annotation):
        return handler.fault(f"{where} is an upload, but is not named data.", "Name it data.")
    kind, problem = describe(annotation)
    if problem:
        return handler.fault(f"{where}: {problem}", "Use a type that msgspec supports.")
    if is_query_value(kind):
        return None
    cure = "Use scalars, enums, dates or lists of these; only data is a JSON body."
    if isinstance(kind, msgspec.inspect.StructType) and handler.method != "get":
        cure = "Name it data: the parameter called data is the JSON body."
    return handler.fault(f"{where}: a query string cannot hold {spell(annotation)}.", cure)


def _path_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    kind, problem = describe(annotation)
    if handler.path[name] == "rest" and annotation is not str:
        return handler.fault(
            f"{where} is a catch-all, which is always a str.", f"Write {name}: str, and split it on '/'."
        )
    if problem or not is_path_value(kind):
        found = f"{where} comes from the path, which cannot hold {spell(annotation)}."
        return handler.fault(found, "Use str, int, UUID, date, Decimal, an enum or another scalar.")
    return None


def _user_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    members = bare(annotation)
    if not members <= {User, type(None)}:
        return handler.fault(
            f"{where} mixes User with other types.", "Write User, or User | None in a public file."
        )
    if handler.method == JOB:
        return None
    is_open = handler.policy.public or handler.policy.webhook is not None
    if type(None) in members and not handler.policy.public:
        return handler.fault(f"{where} may be None, but this route is not public.", "Write User.")
    if type(None) not in members and is_open:
        return handler.fault(
            f"{where} must be a User, but this route admits callers without one.", "Write User | None."
        )
    return None


def _member_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    if bare(annotation) != {Member}:
        return handler.fault(
            f"{where} mixes Member with other types.", "Write Member, or User and look at its organization."
        )
    if handler.policy.public or handler.policy.webhook is not None:
        return handler.fault(
            f"{where} must be a Member, but this route admits callers without one.", "Write User | None."
        )
    return None


def _body_fault(handler: Handler, kind: InputKind, annotation: Any) -> Fault | None:
    where = f"{handler.method}(data)"
    if handler.method == "get":
        return handler.fault(f"{where}: a GET has no body.", "Use query parameters, or post.")
    problem = describe(annotation)[1] if kind is InputKind.BODY else None
    return handler.fault(f"{where}: {problem}", "Use a msgspec Struct.") if problem else None


def misspelt(handler: Handler, inputs: list[Input]) -> list[Fault]:
    """Return a fault for each query parameter that was probably meant to be one of the path."""
    taken = {each.name for each in inputs}
    free = [name for name in handler.path if name not in taken]
    faults = []
    for each in inputs:
        meant = near_miss(each.name, free) if each.kind is InputKind.QUERY else None
        if meant:
            found = (
                f"{handler.method}({each.name}) is not in the path, and would be read from the query string."
            )
            faults.append(handler.fault(found, f"Did you mean {meant}?"))
    return faults

"""Where the value of each parameter comes from, and what keeps a parameter from being of that kind."""

import inspect
import sys
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
from runtime.routing.annotations.known import is_known
from runtime.routing.annotations.unions import with_unions
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Input
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.names import near_miss
from runtime.routing.signature.handler import Handler
from runtime.routing.signature.jobs import job_fault
from runtime.routing.signature.sources import (
    KINDS,
    alias_of,
    form_fault,
    has_files,
    misplaced_source,
    source_fault,
    sources_of,
)
from runtime.settings.own import OwnSettings
from shared.agents import Agents
from shared.database import Database
from shared.identity import Member, User
from shared.work import Jobs, Run

_OUTLIVING = {
    InputKind.AGENTS: "Agents, whose runs outlive",
    InputKind.JOBS: "Jobs, which outlive",
    InputKind.RUN: "a Run, which outlives",
}


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
    if found := sources_of(annotation):
        alias = alias_of(found[0], name)
        kind = KINDS[type(found[0])]
        fault = job_fault(handler, name, kind, annotation) or source_fault(handler, name, annotation, found)
        return fault or Input(name=name, kind=kind, annotation=annotation, default=default, alias=alias)
    annotation = with_unions(annotation)
    kind = _kind(handler, name, annotation)
    fault = misplaced_source(handler, name, default) or _misuse(handler, name, kind, annotation)
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
    if any(isinstance(each, type) and issubclass(each, OwnSettings) for each in members):
        return InputKind.SETTINGS
    if _is_http(members):
        return InputKind.HTTP
    if members == {Jobs}:
        return InputKind.JOBS
    if members == {Run}:
        return InputKind.RUN
    if any(isinstance(each, type) and issubclass(each, Request) for each in members):
        return InputKind.REQUEST
    if name == "data":
        return InputKind.UPLOAD if is_upload(annotation) else InputKind.BODY
    return InputKind.QUERY


def _misuse(  # noqa: C901, PLR0911  # a table, read as one
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
            return _body_fault(handler, name, kind, annotation)
        case InputKind.USER:
            return _user_fault(handler, name, annotation)
        case InputKind.MEMBER:
            return _member_fault(handler, name, annotation)
        case InputKind.AGENTS | InputKind.JOBS | InputKind.RUN:
            return _outliving_fault(handler, name, kind)
        case InputKind.HTTP:
            return _http_fault(handler, name, annotation)
        case InputKind.SETTINGS:
            return _settings_fault(handler, name, annotation)
        case InputKind.HEADER | InputKind.COOKIE | InputKind.FORM:  # judged where their source was read
            pass
        case InputKind.DATABASE | InputKind.REQUEST:
            pass
        case _:
            typing.assert_never(kind)
    return None


def _query_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    if is_upload(annotation):
        cure = "Name it data, or make it a field of a struct: data: Annotated[SomeStruct, Form()]."
        return handler.fault(f"{where} is an upload, but is not named data.", cure)
    kind, problem = describe(annotation)
    if problem:
        return handler.fault(f"{where}: {problem}", "Use a type that msgspec supports.")
    if is_query_value(kind):
        return None
    cure = "Use scalars, enums, dates or lists of these; only data is a JSON body."
    is_record = isinstance(kind, msgspec.inspect.StructType | msgspec.inspect.CustomType)
    if is_record and handler.method != "get":
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


def _outliving_fault(handler: Handler, name: str, kind: InputKind) -> Fault | None:
    if not handler.policy.isolate:
        return None
    found = f"{handler.method}({name}) asks for {_OUTLIVING[kind]} the process of an isolated call."
    return handler.fault(found, "Remove isolate, or move the blocking work to a file of its own.")


def _is_http(members: set[Any]) -> bool:
    outgoing = sys.modules.get("runtime.outgoing")  # which is there where a file takes Http
    return outgoing is not None and outgoing.Http in members


def _http_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    function = inspect.unwrap(handler.function)
    if len(bare(annotation)) > 1:
        return handler.fault(f"{where} mixes Http with other types.", "Write Http.")
    if not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
        return handler.fault(
            f"{where}: a plain def cannot wait for Http.", f"Write async def {handler.method}."
        )
    return None


def _settings_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    if len(bare(annotation)) == 1 and OwnSettings not in bare(annotation):
        return None
    found = f"{handler.method}({name}) must be one struct that derives from Settings."
    return handler.fault(found, "Write class Keys(Settings), with a field for each variable, and take Keys.")


def _body_fault(handler: Handler, name: str, kind: InputKind, annotation: Any) -> Fault | None:
    where = f"{handler.method}(data)"
    if handler.method == "get":
        return handler.fault(f"{where}: a GET has no body.", "Use query parameters, or post.")
    if kind is InputKind.UPLOAD or is_known(annotation):
        return None
    described, problem = describe(annotation)
    if has_files(annotation, described):
        cure = "Write one struct with a field for each part of the form: data: Annotated[SomeStruct, Form()]."
        if form_fault(handler, name, annotation) is None:
            cure = f"Write data: Annotated[{spell(annotation)}, Form()]."
        return handler.fault(f"{where}: JSON cannot hold the Upload in {spell(annotation)}.", cure)
    return handler.fault(f"{where}: {problem}", "Use a msgspec Struct.") if problem else None


def misspelt(handler: Handler, inputs: list[Input]) -> list[Fault]:
    """Return a fault for each query parameter that was probably meant to be one of the path."""
    taken = {each.name for each in inputs}
    free = [name for name in handler.path if name not in taken]
    if not free:
        return []
    faults = []
    for each in inputs:
        meant = near_miss(each.name, free) if each.kind is InputKind.QUERY else None
        if meant:
            found = (
                f"{handler.method}({each.name}) is not in the path, and would be read from the query string."
            )
            faults.append(handler.fault(found, f"Did you mean {meant}?"))
    return faults

"""A handler's signature: where each parameter comes from, and what the response is."""

import inspect
import re
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
from litestar import Request, Response

from runtime.config import Policy
from runtime.routing.annotations.describe import (
    bare,
    describe,
    is_path_value,
    is_query_value,
    is_union,
    is_upload,
    spell,
)
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Input
from runtime.routing.reading.faults import Fault, one_line
from runtime.routing.reading.names import near_miss
from shared.agents import Agents
from shared.database import Database
from shared.events import Event
from shared.identity import User

_STREAMS = (AsyncIterator, AsyncGenerator, AsyncIterable)
_TAG = re.compile(r"[\w.-]+")


class Signature(msgspec.Struct, frozen=True):
    """What one handler asks for and gives back; `event` is set for streams."""

    inputs: tuple[Input, ...]
    returns: Any
    event: Any


class Handler(msgspec.Struct, frozen=True):
    """One function under judgement, the path parameters around it, and its policy."""

    file: str
    line: int
    method: str
    function: Callable[..., Any]
    path: Mapping[str, str]  # name -> "dynamic" or "rest"
    policy: Policy

    def fault(self, found: str, cure: str) -> Fault:
        """Return a fault at this handler."""
        return Fault(file=self.file, line=self.line, found=found, cure=cure)


def read_signature(handler: Handler) -> tuple[Signature | None, list[Fault]]:
    """Judge one handler; the signature is None where there is any fault."""
    try:
        hints = typing.get_type_hints(handler.function, include_extras=True)
        parameters = inspect.signature(handler.function).parameters
    except NameError as error:
        cure = "Import it at the top of the file, not under TYPE_CHECKING: annotations are evaluated."
        return None, [
            handler.fault(f"{handler.method} has an annotation with an undefined name: {error}.", cure)
        ]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an annotation is code, and may raise anything
        found = f"The annotations of {handler.method} cannot be read: {one_line(error)}."
        return None, [handler.fault(found, "Correct the annotation.")]
    faults: list[Fault] = []
    inputs: list[Input] = []
    for name, parameter in parameters.items():
        judged = _parameter(handler, name, parameter, hints)
        if isinstance(judged, Fault):
            faults.append(judged)
        else:
            inputs.append(judged)
    faults += _misspelt(handler, inputs)
    event = None
    if "return" not in hints:
        cure = "Add one, `-> None` if it returns nothing; it defines the response."
        faults.append(handler.fault(f"{handler.method} has no return annotation.", cure))
    else:
        event, misfits = _returns(handler, hints["return"])
        faults += misfits or _yields(handler, is_stream=event is not None)
    if faults:
        return None, faults
    return Signature(tuple(inputs), hints["return"], event), []


def _parameter(
    handler: Handler, name: str, parameter: inspect.Parameter, hints: dict[str, Any]
) -> Input | Fault:
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


def _kind(handler: Handler, name: str, annotation: Any) -> InputKind:  # noqa: PLR0911  # a table, read as one
    members = bare(annotation)
    if name in handler.path:
        return InputKind.PATH
    if User in members:
        return InputKind.USER
    if members == {Database}:
        return InputKind.DATABASE
    if members == {Agents}:
        return InputKind.AGENTS
    if any(isinstance(each, type) and issubclass(each, Request) for each in members):
        return InputKind.REQUEST
    if name == "data":
        return InputKind.UPLOAD if is_upload(annotation) else InputKind.BODY
    return InputKind.QUERY


def _misuse(handler: Handler, name: str, kind: InputKind, annotation: Any) -> Fault | None:
    """Return what keeps a parameter from being of its kind."""
    match kind:
        case InputKind.PATH:
            return _path_fault(handler, name, annotation)
        case InputKind.QUERY:
            return _query_fault(handler, name, annotation)
        case InputKind.BODY | InputKind.UPLOAD:
            return _body_fault(handler, kind, annotation)
        case InputKind.USER:
            return _user_fault(handler, name, annotation)
        case InputKind.DATABASE | InputKind.AGENTS | InputKind.REQUEST:
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
    is_open = handler.policy.public or handler.policy.webhook is not None
    if type(None) in members and not handler.policy.public:
        return handler.fault(f"{where} may be None, but this route is not public.", "Write User.")
    if type(None) not in members and is_open:
        return handler.fault(
            f"{where} must be a User, but this route admits callers without one.", "Write User | None."
        )
    return None


def _body_fault(handler: Handler, kind: InputKind, annotation: Any) -> Fault | None:
    where = f"{handler.method}(data)"
    if handler.method == "get":
        return handler.fault(f"{where}: a GET has no body.", "Use query parameters, or post.")
    problem = describe(annotation)[1] if kind is InputKind.BODY else None
    return handler.fault(f"{where}: {problem}", "Use a msgspec Struct.") if problem else None


def _misspelt(handler: Handler, inputs: list[Input]) -> list[Fault]:
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


def _returns(handler: Handler, annotation: Any) -> tuple[Any, list[Fault]]:
    origin = typing.get_origin(annotation)
    if origin in _STREAMS or annotation in _STREAMS:
        return _stream(handler, annotation)
    if isinstance(annotation, type) and issubclass(annotation, Response):
        return None, []
    if origin is not None and isinstance(origin, type) and issubclass(origin, Response):
        return None, []
    if annotation is not None and annotation is not type(None):
        _, problem = describe(annotation)
        if problem:
            cure = "Return a msgspec Struct, a list or dict of them, None, or AsyncIterator[Event]."
            return None, [
                handler.fault(f"{handler.method} returns a type without a JSON form: {problem}", cure)
            ]
        if handler.policy.status == 204:
            cure = "Return None, or choose another status."
            return None, [
                handler.fault(f"{handler.method} returns a body, but status=204 allows none.", cure)
            ]
    return None, []


def _yields(handler: Handler, *, is_stream: bool) -> list[Fault]:
    """A function that yields gives back no value, and one that yields without `async` no stream."""
    function = inspect.unwrap(handler.function)
    if inspect.isgeneratorfunction(function) or (inspect.isasyncgenfunction(function) and not is_stream):
        found = f"{handler.method} yields but is not annotated as a stream."
        cure = "Return the value, or write `async def` and annotate AsyncIterator[Event]."
        return [handler.fault(found, cure)]
    return []


def _stream(handler: Handler, annotation: Any) -> tuple[Any, list[Fault]]:
    arguments = typing.get_args(annotation)
    event = arguments[0] if arguments else None
    members = typing.get_args(event) if is_union(event) else (event,)
    if not all(isinstance(member, type) and issubclass(member, Event) for member in members):
        found = f"{handler.method} streams {spell(event)}, which is not an Event."
        return None, [handler.fault(found, 'Subclass it: class Tick(Event, tag="tick").')]
    _, problem = describe(event)
    if problem:
        return None, [
            handler.fault(
                f"{handler.method} streams a type without a JSON form: {problem}", "Correct the event."
            )
        ]
    for member in members:
        tag = member.__struct_config__.tag
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            found = f"{spell(member)} has the tag {tag!r}, which cannot be the name of an event."
            return None, [handler.fault(found, "Use letters, digits, '_', '-' and '.'.")]
    return event, []

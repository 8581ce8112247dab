"""A handler's signature, judged: where each parameter comes from, and what the answer is."""

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import UploadFile

from runtime.config import Policy
from runtime.routing.calling.operation import Input, InputSource
from runtime.routing.importing.loading import PREFIX
from runtime.routing.reading.faults import Fault, told
from runtime.routing.reading.names import near_miss
from shared.agents import Agents
from shared.database import Database
from shared.events import Event
from shared.identity import User

_STREAMS = (collections.abc.AsyncIterator, collections.abc.AsyncGenerator, collections.abc.AsyncIterable)
_INJECTED: dict[type, InputSource] = {Database: "database", Agents: "agents"}
_SCALARS = (
    msgspec.inspect.StrType,
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.DecimalType,
    msgspec.inspect.UUIDType,
    msgspec.inspect.DateType,
    msgspec.inspect.DateTimeType,
    msgspec.inspect.TimeType,
    msgspec.inspect.TimeDeltaType,
    msgspec.inspect.EnumType,
    msgspec.inspect.LiteralType,
)
_LISTS = (
    msgspec.inspect.ListType,
    msgspec.inspect.SetType,
    msgspec.inspect.FrozenSetType,
    msgspec.inspect.VarTupleType,
)


_TAG = re.compile(r"[\w.-]+")
_MODULE = re.compile(rf"{PREFIX}[0-9a-f]+\.(?:[^,| ]+\.)?")


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
        cure = (
            "Import it at the top of the file, and not under TYPE_CHECKING: annotations are read at run time."
        )
        return None, [handler.fault(f"{handler.method} has an annotation that names nothing: {error}.", cure)]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an annotation is code, and may raise anything
        found = f"The annotations of {handler.method} cannot be read: {told(error)}."
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
        cure = "Annotate what it returns, `-> None` if nothing: the annotation is the response."
        faults.append(handler.fault(f"{handler.method} does not say what it returns.", cure))
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
            f"{where} is not a named parameter.", "Name each input, so that callers can be told."
        )
    if name not in hints:
        return handler.fault(f"{where} has no annotation.", "Annotate it, such as `limit: int = 20`.")
    annotation = hints[name]
    default = msgspec.NODEFAULT if parameter.default is parameter.empty else parameter.default
    source, fault = _source(handler, name, annotation)
    if fault:
        return fault
    return Input(name=name, source=source, annotation=annotation, default=default)


def _source(handler: Handler, name: str, annotation: Any) -> tuple[InputSource, Fault | None]:
    bare = _bare(annotation)
    if name in handler.path:
        return "path", _path_fault(handler, name, annotation)
    if User in bare:
        return "user", _user_fault(handler, name, bare)
    if injected := next((source for kind, source in _INJECTED.items() if bare == {kind}), None):
        return injected, None
    if any(isinstance(each, type) and issubclass(each, Request) for each in bare):
        return "request", None
    if name == "data":
        return ("upload" if _is_upload(annotation) else "body"), _body_fault(handler, annotation)
    return "query", _query_fault(handler, name, annotation)


def _query_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    if _is_upload(annotation):
        return handler.fault(f"{where} is an upload, and its name is not data.", "Name it data.")
    kind, problem = _describe(annotation)
    if problem:
        return handler.fault(f"{where}: {problem}", "Use a type that msgspec can read.")
    if _is_queryable(kind):
        return None
    cure = "Take it apart into scalars, enums, dates or lists of these; only data is a JSON body."
    if isinstance(kind, msgspec.inspect.StructType) and handler.method != "get":
        cure = "Name it data: the parameter called data is the JSON body."
    return handler.fault(f"{where}: a query string cannot hold {spell(annotation)}.", cure)


def _path_fault(handler: Handler, name: str, annotation: Any) -> Fault | None:
    where = f"{handler.method}({name})"
    kind, problem = _describe(annotation)
    if handler.path[name] == "rest" and annotation is not str:
        return handler.fault(
            f"{where} is a catch-all, and always a str.", f"Write {name}: str, and split it on '/'."
        )
    if problem or not isinstance(_plain(kind), _SCALARS):
        found = f"{where} comes from the path, which cannot hold {spell(annotation)}."
        return handler.fault(found, "Use str, int, UUID, date, Decimal, an enum or another scalar.")
    return None


def _user_fault(handler: Handler, name: str, bare: set[Any]) -> Fault | None:
    where = f"{handler.method}({name})"
    if not bare <= {User, type(None)}:
        return handler.fault(
            f"{where} mixes User with other types.", "Write User, or User | None in a public file."
        )
    is_open = handler.policy.public or handler.policy.webhook is not None
    if type(None) in bare and not handler.policy.public:
        return handler.fault(
            f"{where} may be None, and this route is not public.", "Write User: there is always one."
        )
    if type(None) not in bare and is_open:
        return handler.fault(
            f"{where} wants a User, and this route lets callers in without one.", "Write User | None."
        )
    return None


def _body_fault(handler: Handler, annotation: Any) -> Fault | None:
    where = f"{handler.method}(data)"
    if handler.method == "get":
        return handler.fault(f"{where}: a GET has no body.", "Use query parameters, or post.")
    if _is_upload(annotation):
        return None
    _, problem = _describe(annotation)
    return handler.fault(f"{where}: {problem}", "Use a msgspec Struct.") if problem else None


def _misspelt(handler: Handler, inputs: list[Input]) -> list[Fault]:
    taken = {each.name for each in inputs}
    free = [name for name in handler.path if name not in taken]
    faults = []
    for each in inputs:
        meant = near_miss(each.name, free) if each.source == "query" else None
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
        _, problem = _describe(annotation)
        if problem:
            cure = "Return a msgspec Struct, a list or dict of them, None, or AsyncIterator[Event]."
            return None, [handler.fault(f"{handler.method} returns what has no JSON form: {problem}", cure)]
        if handler.policy.status == 204:
            cure = "Return None, or choose another status."
            return None, [handler.fault(f"{handler.method} returns a body, and status=204 has none.", cure)]
    return None, []


def _yields(handler: Handler, *, is_stream: bool) -> list[Fault]:
    """A function that yields gives back no value, and one that yields without `async` no stream."""
    function = inspect.unwrap(handler.function)
    if inspect.isgeneratorfunction(function) or (inspect.isasyncgenfunction(function) and not is_stream):
        found = f"{handler.method} yields, which only a stream does."
        cure = "Return the value; or write async def, and AsyncIterator[Event] as what it returns."
        return [handler.fault(found, cure)]
    return []


def _stream(handler: Handler, annotation: Any) -> tuple[Any, list[Fault]]:
    arguments = typing.get_args(annotation)
    event = arguments[0] if arguments else None
    members = typing.get_args(event) if _is_union(event) else (event,)
    if not all(isinstance(member, type) and issubclass(member, Event) for member in members):
        found = f"{handler.method} streams {spell(event)}, which is not an Event."
        return None, [handler.fault(found, 'Subclass it: class Tick(Event, tag="tick").')]
    _, problem = _describe(event)
    if problem:
        return None, [
            handler.fault(f"{handler.method} streams what has no JSON form: {problem}", "Correct the event.")
        ]
    for member in members:
        tag = member.__struct_config__.tag
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            found = f"{spell(member)} has the tag {tag!r}, which cannot be the name of an event."
            return None, [handler.fault(found, "Use letters, digits, '_', '-' and '.'.")]
    return event, []


def _describe(annotation: Any) -> tuple[msgspec.inspect.Type | None, str | None]:
    """Return msgspec's reading of a type, or why it has none."""
    try:
        if _goes_round(annotation):  # msgspec would follow it for ever, and hold the interpreter
            return None, "It is an alias of itself."
        kind = msgspec.inspect.type_info(annotation)
        msgspec.json.Decoder(annotation)
        custom = _custom(kind, set())
    except Exception as error:  # noqa: BLE001 - msgspec, and annotations of any make, raise what they like
        return None, f"{str(error).splitlines()[0].rstrip('.')}."
    return kind, f"{spell(custom)} is unknown to msgspec." if custom is not None else None


def _goes_round(annotation: Any) -> bool:
    """Say whether an alias (`type A = A`) stands, through other aliases or not, for itself."""
    seen: set[Any] = set()
    while isinstance(annotation, typing.TypeAliasType) or typing.get_origin(annotation) is typing.Annotated:
        if annotation in seen:
            return True
        seen.add(annotation)
        is_alias = isinstance(annotation, typing.TypeAliasType)
        annotation = annotation.__value__ if is_alias else annotation.__origin__
    return False


def inner_types(kind: Any) -> list[Any]:
    """Return the types directly inside one of msgspec's type descriptions."""
    children = [getattr(kind, name, None) for name in ("item_type", "key_type", "value_type", "type")]
    children += [*(getattr(kind, "types", None) or ()), *(getattr(kind, "item_types", None) or ())]
    children += [field.type for field in getattr(kind, "fields", None) or ()]
    return [child for child in children if child is not None]


def _custom(kind: Any, seen: set[Any]) -> Any:
    """Return the first type inside `kind` that msgspec would hand to a hook."""
    if isinstance(kind, msgspec.inspect.CustomType):
        return None if kind.cls is object else kind.cls
    if cls := getattr(kind, "cls", None):
        if cls in seen:
            return None
        seen.add(cls)
    children = inner_types(kind)
    return next((found for child in children if (found := _custom(child, seen)) is not None), None)


def _is_queryable(kind: msgspec.inspect.Type | None) -> bool:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _is_queryable(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        members = [each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType)]
        return all(_is_queryable(each) for each in members)
    if isinstance(kind, _LISTS):
        return isinstance(_plain(kind.item_type), _SCALARS)
    return isinstance(kind, _SCALARS)


def _plain(kind: Any) -> Any:
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind


def _bare(annotation: Any) -> set[Any]:
    """Return the members of a union, without `Annotated` and type arguments."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _bare(typing.get_args(annotation)[0])
    if _is_union(annotation):
        return set().union(*(_bare(member) for member in typing.get_args(annotation)))
    return {typing.get_origin(annotation) or annotation}


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in {typing.Union, types.UnionType}


def _is_upload(annotation: Any) -> bool:
    members = (annotation, *typing.get_args(annotation))
    return any(UploadFile in _bare(member) for member in members)


def spell(annotation: Any) -> str:
    """Write a type as a developer would, without the private names that modules of functions have."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return _MODULE.sub("", str(annotation)).replace("typing.", "")

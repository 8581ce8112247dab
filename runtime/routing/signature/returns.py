"""What a handler gives back: a JSON value, a content, a redirect, a stream of events, or its own response."""

import inspect
import re
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

from litestar import Response
from msgspec import Struct

from runtime.answers import Content, Redirect, Reply
from runtime.config import JOB
from runtime.routing.annotations.describe import describe, is_union, spell
from runtime.routing.annotations.known import is_known
from runtime.routing.annotations.unions import with_unions
from runtime.routing.reading.faults import Fault
from runtime.routing.signature.handler import Handler
from shared.events import Event

_STREAMS = (AsyncIterator, AsyncGenerator, AsyncIterable)
_TAG = re.compile(r"[\w.-]+")


class Returned(Struct, frozen=True):
    """What a return annotation says, as in `Operation`."""

    value: Any
    event: Any = None
    replies: bool = False
    redirects: bool = False


def read_return(handler: Handler, annotation: Any) -> tuple[Returned, list[Fault]]:
    """Return what the annotation says, and what is wrong with it."""
    members = _members(annotation)
    if handler.method == JOB and any(map(_is_for_caller, members)):
        found = f"job returns {spell(annotation)}, but nobody waits for an answer."
        cure = "Return a value with a JSON form, which the run keeps, or None."
        return Returned(None), [handler.fault(found, cure)]
    replies = any(typing.get_origin(each) is Reply for each in members)
    if Reply in members:
        found = f"{handler.method} returns a Reply without saying of what."
        return Returned(None), [handler.fault(found, "Write Reply[T], or Reply[None] for no body.")]
    if replies:
        members = [inner for each in members for inner in _replied(each)]
    rest = [each for each in members if each is not Redirect]
    redirects = len(rest) < len(members)
    if not rest:
        return Returned(Redirect, None, replies, redirects), []
    value = typing.Union[tuple(rest)] if replies or redirects else annotation  # noqa: UP007  # of a list
    value = with_unions(value)
    event, faults = _read_value(handler, value)
    if event is not None and (replies or redirects):
        found = f"{handler.method} returns a stream, which has no other head and no other answer."
        faults = [handler.fault(found, "Annotate AsyncIterator[Event] alone.")]
    if event is not None and handler.policy.idempotent:
        found = f"{handler.method} returns a stream, which cannot be kept and given again."
        faults = [handler.fault(found, "Remove idempotent, or set it for another method in `methods`.")]
    return Returned(value, event, replies, redirects), faults


def _members(annotation: Any) -> list[Any]:
    if isinstance(annotation, typing.TypeAliasType):
        return _members(annotation.__value__)
    return [*typing.get_args(annotation)] if is_union(annotation) else [annotation]


def _replied(member: Any) -> list[Any]:
    """Return the members of what is inside of `Reply[…]`, or else the member."""
    return _members(typing.get_args(member)[0]) if typing.get_origin(member) is Reply else [member]


def _read_value(handler: Handler, annotation: Any) -> tuple[Any, list[Fault]]:
    """Return the event type of a stream, else None, and what is wrong with the annotation."""
    origin = typing.get_origin(annotation)
    if origin in _STREAMS or annotation in _STREAMS:
        return _stream(handler, annotation)
    kind = origin or annotation
    if annotation in {None, type(None)} or (isinstance(kind, type) and issubclass(kind, Response)):
        return None, []
    contents = [each for each in _members(annotation) if isinstance(each, type) and issubclass(each, Content)]
    if contents and contents != [annotation]:
        found = (
            f"{handler.method} returns {spell(contents[0])} or something else; an answer has one media type."
        )
        return None, [handler.fault(found, f"Annotate {spell(contents[0])} alone, and raise errors.")]
    problem = None if contents or is_known(annotation) else describe(annotation)[1]
    if problem:
        cure = (
            "Return a msgspec Struct, a list or dict of them, None, a content type or AsyncIterator[Event]."
        )
        return None, [handler.fault(f"{handler.method} returns a type without a JSON form: {problem}", cure)]
    if handler.policy.status == 204:
        cure = "Return None, or choose another status."
        return None, [handler.fault(f"{handler.method} returns a body, but status=204 allows none.", cure)]
    return None, []


def _is_for_caller(annotation: Any) -> bool:
    """Whether it is a stream, a response, or part of one."""
    kind = typing.get_origin(annotation) or annotation
    answers = (Response, Reply, Redirect, Content)
    return kind in _STREAMS or (isinstance(kind, type) and issubclass(kind, answers))


def misplaced_yield(handler: Handler, *, is_stream: bool) -> list[Fault]:
    """Return a fault where a function yields and returns no stream, or yields without `async`."""
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
    problem = None if is_known(event) else describe(event)[1]
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

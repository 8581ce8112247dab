"""What a handler gives back: a JSON value, a stream of events, or a response of its own."""

import inspect
import re
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

from litestar import Response

from runtime.config import JOB
from runtime.routing.annotations.describe import describe, is_union, spell
from runtime.routing.reading.faults import Fault
from runtime.routing.signature.handler import Handler
from shared.events import Event

_STREAMS = (AsyncIterator, AsyncGenerator, AsyncIterable)
_TAG = re.compile(r"[\w.-]+")


def read_return(  # noqa: PLR0911  # a list of kinds, read as one
    handler: Handler, annotation: Any
) -> tuple[Any, list[Fault]]:
    """Return the event type of a stream, else None, and what is wrong with the annotation."""
    if handler.method == JOB and _is_for_caller(annotation):
        found = f"job returns {spell(annotation)}, but nobody waits for an answer."
        return None, [handler.fault(found, "Return a value with a JSON form, which the run keeps, or None.")]
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


def _is_for_caller(annotation: Any) -> bool:
    """Whether it is a stream or a response."""
    kind = typing.get_origin(annotation) or annotation
    return kind in _STREAMS or (isinstance(kind, type) and issubclass(kind, Response))


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

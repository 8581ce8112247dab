"""The base class of the events of a stream."""

from msgspec import Struct


class Event(Struct, tag_field="type", frozen=True, kw_only=True):
    """One typed event of a stream. Subclass it with a tag: ``class Tick(Event, tag="tick")``.

    On the wire the tag is the event's name and the struct is its JSON data. The
    tags ``done`` and ``error`` are reserved: the runtime ends every stream with exactly one of them.
    """

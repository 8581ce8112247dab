"""The base of everything that a stream says."""

from msgspec import Struct


class Event(Struct, tag_field="type", frozen=True, kw_only=True):
    """One typed event of a stream. Subclass it with a tag: ``class Tick(Event, tag="tick")``.

    On the wire the tag is the event's name and the struct is its JSON data. ``done`` and ``error`` are the
    runtime's own: it ends every stream with exactly one of them.
    """

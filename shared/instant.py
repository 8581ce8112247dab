"""A moment in time that says where it is: the only datetime that crosses the wire."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Instant = Annotated[datetime, Meta(tz=True)]
"""A datetime with its time zone; input without one is refused. JavaScript would read it as local time."""

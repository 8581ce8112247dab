"""A datetime with a time zone: the only kind that is sent and received."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Instant = Annotated[datetime, Meta(tz=True)]
"""A datetime with a time zone; input without one is invalid: JavaScript would read it as local time."""

"""What holds for one method of one route."""

import msgspec

from runtime.config.keys import FileKeys, keys_of


class Policy(FileKeys, frozen=True, kw_only=True):
    """What holds for one method of one route, once defaults, folders, file and method are combined.

    This is all that authentication, limits and deadlines look at.

    Attributes:
        origins: for each key that is not at its project default, where its value came from
            (``orders/_config.py``, ``orders/[id].py``, ``orders/[id].py methods.post``).
    """

    origins: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def demands(self) -> str:
        """What it asks of a caller beyond a session, as JSON that a run can keep; empty for nothing."""
        access = [name for name, key in keys_of(Policy).items() if key.is_demand or name == "pending"]
        asked = {name: getattr(self, name) for name in access}
        asked = {name: value for name, value in asked.items() if value != getattr(_DEFAULT, name)}
        return msgspec.json.encode(asked, order="sorted").decode() if asked else ""


_DEFAULT = Policy()

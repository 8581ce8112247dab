"""A return value that does not fit its annotation."""

from shared.errors import Internal


class Misfit(Internal):
    """A function returned a value that does not fit its annotation; callers see an internal error.

    Attributes:
        log_text: function, line, field and what was expected, for the log; nothing of the value.
    """

    def __init__(self, function: str, field: str, expected: str, cure: str) -> None:
        super().__init__()
        self.log_text = (
            f"{function} returned a value that does not fit its annotation: "
            f"{field or 'the whole value'}: {expected} {cure}"
        )


class UnreadableFile(Misfit):
    """A function returned a path that cannot be read; callers see an internal error."""

    def __init__(self, function: str, name: str, found: str) -> None:
        Internal.__init__(self)
        self.log_text = (
            f"{function} returned the file `{name}`, which {found}. Write it first, or raise NotFound."
        )


class LongEvent(Misfit):
    """A function yielded an event that is too long to be sent; the stream ends with an internal error."""

    def __init__(self, function: str, length: int, limit: int) -> None:
        Internal.__init__(self)
        self.log_text = (
            f"{function} yielded an event of {length} bytes, and at most {limit} are sent. "
            "Yield it in parts, or yield where it can be fetched."
        )

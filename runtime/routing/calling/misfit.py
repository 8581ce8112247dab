"""An answer that is not what its function says it is."""

from shared.errors import Internal


class Misfit(Internal):
    """A function answered what its return annotation does not name; the caller is told what any bug is told.

    Attributes:
        told: function, line, field and what was expected, for the log; nothing of the answer.
    """

    def __init__(self, function: str, field: str, expected: str) -> None:
        super().__init__()
        self.told = (
            f"{function} answered what its annotation does not name: "
            f"{field or 'the whole of it'}: {expected} "
            "Answer what the annotation says, or annotate what is answered."
        )

"""Why a file must not run in a process that matters; plain data, which goes from process to process."""

from typing import NamedTuple


class Refusal(NamedTuple):
    """One file that is not to be imported.

    Attributes:
        file: path below the functions folder, with forward slashes.
        line: 1-based, 0 where none is known.
        found: one sentence: what happened.
        cure: one sentence: what to write instead.
        is_readable: the harm was done by running it; reading its text is safe.
    """

    file: str
    line: int
    found: str
    cure: str
    is_readable: bool = True

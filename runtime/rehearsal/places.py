"""The line at which a file ended its process, or was when the process had to be ended."""

import re
from collections.abc import Callable
from mmap import PAGESIZE, mmap
from pathlib import Path
from struct import Struct
from types import FrameType
from typing import Any

_FORM = Struct("<I??")
_FRAME = re.compile(rb'File "(?P<file>.*)", line (?P<line>\d+) in ')
LONGEST = 500  # bytes of a file name, after which faulthandler cuts it


class Mark:
    """What a fork notes where its parent can read it when the fork is gone."""

    def __init__(self) -> None:
        self._memory = mmap(-1, PAGESIZE)

    @property
    def line(self) -> int:
        """Return the line that ran last."""
        return int(_FORM.unpack_from(self._memory)[0])

    @property
    def is_running(self) -> bool:
        """Say whether the file runs."""
        return bool(_FORM.unpack_from(self._memory)[1])

    @property
    def is_cut_off(self) -> bool:
        """Say whether the fork lost its pipe."""
        return bool(_FORM.unpack_from(self._memory)[2])

    def set(self, line: int, *, is_running: bool, is_cut_off: bool = False) -> None:
        """Note all."""
        _FORM.pack_into(self._memory, 0, line, is_running, is_cut_off)


class LineTracer:
    """Notes each line of one file before it runs, until it has done harm; for `sys.settrace`.

    Args:
        path: of the file.
        mark: where to note.
        is_harmed: asked after each line.
    """

    def __init__(self, path: str, mark: Mark, is_harmed: Callable[[], bool]) -> None:
        self._path = path
        self._mark = mark
        self._is_harmed = is_harmed

    def __call__(self, frame: FrameType, *_: Any) -> "LineTracer | None":
        """Note the line; frames of other files are not followed."""
        if frame.f_code.co_filename != self._path:
            return None
        if not self._is_harmed():
            self._mark.set(frame.f_lineno, is_running=True)
        return self


def line_in_dump(dump: bytes, path: str) -> int:
    """Return the innermost line inside a file in what faulthandler wrote, 0 where there is none."""
    written = path.encode("ascii", "backslashreplace")[:LONGEST]
    for frame in _FRAME.finditer(dump):
        if frame["file"].removesuffix(b"...")[:LONGEST] == written:
            return int(frame["line"])
    return 0


def line_of_frames(frame: FrameType | None, path: str) -> int:
    """Return the innermost line inside a file, 0 where there is none."""
    while frame is not None:
        if frame.f_code.co_filename == path:
            return frame.f_lineno
        frame = frame.f_back
    return 0


def widest_line(path: Path) -> int:
    """Return the number of the longest line, 0 for no file: what takes long to compile is mostly one."""
    try:
        lines = path.read_bytes().split(b"\n") if path.is_file() else []
    except OSError:
        lines = []
    if not lines:
        return 0
    return max(range(len(lines)), key=lambda index: len(lines[index])) + 1

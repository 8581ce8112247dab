"""The process that tries files: it imports the runtime, forks for each try, and runs no file itself.

A fork begins with the runtime imported and nothing else, so that going on after a harmful file costs
milliseconds. This process has one thread, or forking would not be safe.
"""

import contextlib
import fcntl
import gc
import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from runtime.refusal import Refusal
from runtime.rehearsal.supervision import Asker, AskerGone, Try
from runtime.routing.reading.tree import list_files, read_tree

MANY = 200  # files
OUT_OF_REACH = 300  # the lowest descriptor for what must survive a file that closes the usual ones


class Programme(Struct):
    """What to try.

    Attributes:
        functions: the folder.
        budget: seconds for each file.
        files: below the folder; None for all.
        without: files that are refused already.
        stays: import what the files need in advance of the next question.
        part: which part of the files, and of how many; a few are not divided.
    """

    functions: str
    budget: float
    files: list[str] | None = None
    without: list[str] = []
    stays: bool = False
    part: tuple[int, int] = (0, 1)


def serve() -> None:
    """Answer questions from standard input, a line each, on standard output, until the asker is gone."""
    answers = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    decoder, encoder = msgspec.json.Decoder(Programme), msgspec.json.Encoder()
    with contextlib.suppress(AskerGone, BrokenPipeError):
        for line in _lines(0):
            question = decoder.decode(line)
            needed: list[str] = []
            for said in rehearsal(question, Asker(alive=0, answers=answers)):
                if isinstance(said, Refusal):
                    os.write(answers, encoder.encode({"refused": said._asdict()}) + b"\n")
                else:
                    needed = said
            os.write(answers, b'{"done": true}\n')
            if question.stays:
                _import(needed)


def refusals(functions: Path, *, budget: float) -> tuple[Refusal, ...]:
    """Try all files in forks of this process, which must have a single thread."""
    said = rehearsal(Programme(str(functions.resolve()), budget))
    return tuple(each for each in said if isinstance(each, Refusal))


def rehearsal(question: Programme, asker: Asker | None = None) -> Iterator[list[str] | Refusal]:
    """Try each file once; yield a refusal for each harmful one, and what a fork imported.

    Args:
        question: what to try.
        asker: in another process; None where this one asks.
    """
    root = Path(question.functions)
    files = _part(_files(root, question.files), *question.part)
    files = [file for file in files if file not in question.without]
    gc.freeze()  # so that collections in a fork do not copy what is shared
    hung = 0
    while files:
        one = Try(root, files, budget=question.budget, hung=hung, asker=asker)
        yield from one.run()
        yield from one.refusals()
        hung += one.has_hung
        files = files[one.position + 1 :]


def _files(root: Path, wanted: Iterable[str] | None) -> list[str]:
    """List functions and folder policies; private modules run only where a function imports them."""
    if not root.is_dir():
        return []
    tree = read_tree(list_files(root)[0])
    known = [*tree.folders, *(each.file for each in tree.candidates)]
    return known if wanted is None else sorted({*known}.intersection(wanted))


def _part(files: list[str], number: int, parts: int) -> list[str]:
    """Return a part of the files; two parts import the same libraries twice, which many files make up for."""
    if len(files) < MANY:
        return files if number == 0 else []
    return files[len(files) * number // parts : len(files) * (number + 1) // parts]


def _lines(descriptor: int) -> Iterator[bytes]:
    text = b""
    while data := os.read(descriptor, 1 << 16):
        *lines, text = (text + data).split(b"\n")
        yield from lines


def _import(names: Iterable[str]) -> None:
    """Import libraries that a fork has imported without harm, so that the next one finds them."""
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(BaseException):
                importlib.import_module(name)

"""How much memory a function may take, as a config spells it."""

import re

LEAST = 64 << 20  # bytes; the interpreter with what it calls a function by takes more than half of it
_UNITS = {"KiB": 10, "MiB": 20, "GiB": 30}
_SPELT = re.compile(r"([1-9][0-9]{0,9})(KiB|MiB|GiB)", re.ASCII)


def bytes_of(memory: str | int) -> int:
    """Return the bytes of `"512MiB"`, `"1GiB"` or a number of bytes.

    Raises:
        ValueError: it is not spelt so, or too little to run any function in.
    """
    if isinstance(memory, int):
        size = memory
    elif found := _SPELT.fullmatch(memory):
        size = int(found[1]) << _UNITS[found[2]]
    else:
        raise ValueError("Expected a number and KiB, MiB or GiB.")
    if size < LEAST:
        raise ValueError("Expected 64MiB or more.")
    return size

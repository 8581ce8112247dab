"""How one setting says where it is read from."""

from typing import NamedTuple


class Variable(NamedTuple):
    """The environment names of one setting (first one set wins) and what it is for."""

    names: tuple[str, ...]
    doc: str


def from_env(*names: str, doc: str) -> Variable:
    """Say by which environment names a setting is read."""
    return Variable(names, doc)

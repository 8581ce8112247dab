"""A module that has moved: what it is asked for under its old name comes from its new one, with a warning."""

import warnings
from importlib import import_module
from typing import Any


def moved(old: str, new: str, name: str) -> Any:
    """Return an attribute of the module `new`; `__getattr__` of the module `old` calls this (PEP 562).

    Raises:
        AttributeError: the module has none of that name.
    """
    if name.startswith("__"):
        raise AttributeError(f"module {old!r} has no attribute {name!r}")
    text = f"`{old}` is now `{new}`; the old name is gone in the next minor version. Run `annex upgrade`."
    warnings.warn(text, DeprecationWarning, stacklevel=3)
    return getattr(import_module(new), name)

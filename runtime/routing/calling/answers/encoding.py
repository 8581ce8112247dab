"""Return values as JSON; of one that has no JSON form, where it stands and what to write instead."""

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import msgspec

encode = msgspec.json.Encoder().encode

_CURES = (
    (("numpy",), "Call `.tolist()` on it."),
    (("pandas", "polars"), 'Call `.to_dict("records")` on a frame and `.isoformat()` on a timestamp.'),
    (("pydantic",), "Call `.model_dump()` on it."),
)


def cure_of(value: Any) -> str:
    """Return what to write in place of a value that has no JSON form; nothing is imported to know it."""
    if inspect.iscoroutine(value):
        value.close()  # nobody else will, and Python would complain of it later
    if inspect.isawaitable(value):
        return "Write `await` before the call that made it."
    packages = {cls.__module__.partition(".")[0] for cls in type(value).__mro__}
    cures = (cure for names, cure in _CURES if packages & {*names})
    return next(cures, "Return a struct, a list or dict of them, or another type with a JSON form.")


def unencodable(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Give place and value of everything inside that has no JSON form."""
    inner = list(_parts(value))
    for name, part in inner:
        yield from unencodable(part, f"{place}.{name}")
    if inner:
        return
    try:
        encode(value)
    except Exception:  # noqa: BLE001  # whatever it is, this is the value
        yield place, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        parts = (getattr(value, field) for field in value.__struct_fields__)
        yield from zip(value.__struct_encode_fields__, parts, strict=True)
    elif is_dataclass(value):
        yield from vars(value).items()
    elif isinstance(value, dict):
        yield from (("*", key) for key in value if not isinstance(key, str))
        yield from (("*", part) for part in value.values())  # a key may be somebody's name
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((str(index), part) for index, part in enumerate(value))

"""What a module holds after its import, compared with what was read before it ran.

The policy and the handlers are decided from the text. Where the module says otherwise, somebody who reads the
file would be wrong about who may call it or about what runs, so it does not serve.
"""

from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from runtime.config import HANDLERS
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.source import Source

MAX_WRAPPERS = 100


def differences(source: Source, module: ModuleType) -> list[Fault]:
    """Return a fault for the config, and one for each handler, that is not the one that was read."""
    return [*_config(source, module), *_handlers(source, module)]


def _config(source: Source, module: ModuleType) -> Iterator[Fault]:
    held = vars(module).get("config")
    if type(held) is type(source.written) and held == source.written:
        return
    line = min((literal.line for literal in (source.config or {}).values()), default=0)
    found = "After the import, config is not what is written in this file."
    cure = "Write a single `config = Function(...)` at the top level, with Function imported from runtime."
    yield Fault(file=source.file, line=line, found=found, cure=cure)


def _handlers(source: Source, module: ModuleType) -> Iterator[Fault]:
    for method in HANDLERS:
        held = vars(module).get(method)
        line = source.methods.get(method, 0)
        if method not in source.methods:
            found = f"After the import, {method} exists, but it is not defined in this file."
            cure = f"Write `async def {method}(...)` in this file, or do not import the name."
        elif method in source.decorated:
            found = f"{method} is not the function of this file after its decorators have run."
            cure = "Let each decorator return its function, or a wrapper made with functools.wraps."
        else:
            found = f"After the import, {method} is not the function that is defined in this file."
            cure = "Do not replace it; write what it does in its own body, or decorate it."
        is_same = _is_own(source, module, method, held) if line else held is None
        if not is_same:
            yield Fault(file=source.file, line=line, found=found, cure=cure)


def _is_own(source: Source, module: ModuleType, method: str, held: Any) -> bool:
    """Say whether it is the function whose `def` was read, behind wrappers where it has decorators."""
    if method not in source.decorated:
        return _is_defined_at(held, module, method, source.methods[method]) and not hasattr(
            held, "__wrapped__"
        )
    for _ in range(MAX_WRAPPERS):
        if _is_defined_at(held, module, method, source.decorated[method]):
            return True
        held = getattr(held, "__wrapped__", None)
    return False


def _is_defined_at(held: Any, module: ModuleType, method: str, line: int) -> bool:
    if type(held) is not FunctionType:
        return False
    code = held.__code__
    return (code.co_name, code.co_filename, code.co_firstlineno) == (method, module.__file__, line)

"""What serves is the function whose `def` stands in the file."""

# ruff: noqa: E501  a case is one line

from pathlib import Path

import pytest

from runtime.routing import discover
from tests.fixtures.routing import Caller, write_tree

GET = "async def get() -> str:\n    return 'ok'\n"
OTHERS = """
    async def get() -> str:
        return 'theirs'
    async def put() -> str:
        return 'theirs'
"""

REPLACED = {
    "star import": f"{GET}from ._h import *\n",
    "star import that brings another method": f"{GET}from ._h import *\ndel globals()['get']\n",
    "globals": f"from . import _h\n{GET}globals()['get'] = _h.get\n",
    "globals with a lambda": f"{GET}globals()['get'] = lambda: 'theirs'\n",
    "setattr": f"import sys\nfrom . import _h\n{GET}setattr(sys.modules[__name__], 'get', _h.get)\n",
    "vars": f"from . import _h\n{GET}vars().update(get=_h.get)\n",
    "exec": f"{GET}exec('async def get() -> str: return 1')\n",
    "its code": f"from . import _h\n{GET}get.__code__ = _h.get.__code__\n",
    "another function's code": f"{GET}async def helper() -> str:\n    return 'x'\nget.__code__ = helper.__code__\n",
    "a wrapper that is set upon it": f"from . import _h\n{GET}get.__wrapped__ = _h.get\n",
    "wrapped from outside": (
        f"import functools\nfrom . import _h\n{GET}globals()['get'] = functools.wraps(get)(_h.get)\n"
    ),
    "a decorator that returns something else": f"from . import _h\n@lambda f: _h.get\n{GET}",
    "a decorator that hides the function": (
        f"def quiet(f):\n    async def inner() -> str:\n        return 'x'\n    return inner\n@quiet\n{GET}"
    ),
    "a decorator that returns a class": f"@lambda f: int\n{GET}",
    "a decorator that returns nothing": f"@lambda f: None\n{GET}",
    "taken away": f"{GET}globals().pop('get')\n",
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_handler_that_was_replaced_does_not_serve(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"_h.py": OTHERS, "healthy.py": GET})
    (tmp_path / "file.py").write_text(REPLACED[name])

    table = discover(tmp_path)

    assert [each.endpoint.file for each in table.operations] == ["healthy.py"]
    assert {fault.file for fault in table.faults} == {"file.py"}


DECORATORS = """
    import functools

    def twice(function):
        @functools.wraps(function)
        async def inner(*args, **kwargs):
            return await function(*args, **kwargs) * 2
        return inner

    def noted(text):
        def keep(function):
            function.note = text
            return function
        return keep
"""

DECORATED = {
    "wraps": ("ok" * 2, f"from ._d import twice\n@twice\n{GET}"),
    "two of them": ("ok" * 4, f"from ._d import twice\n@twice\n@twice\n{GET}"),
    "the same function": ("ok", f"from ._d import noted\n@noted('x')\n{GET}"),
    "over several lines": ("ok" * 2, f"from ._d import noted, twice\n@noted(\n    'x',\n)\n@twice\n{GET}"),
    "generic": ("ok", "async def get[T]() -> str:\n    return 'ok'\n"),
    "an early star import": ("ok", f"from ._d import *\n{GET}"),
}


@pytest.mark.parametrize("name", DECORATED)
async def test_a_decorated_handler_serves(tmp_path: Path, name: str) -> None:
    text, source = DECORATED[name]
    write_tree(tmp_path, {"_d.py": DECORATORS})
    (tmp_path / "file.py").write_text(source)

    response = await Caller.of(tmp_path).get("/file")

    assert response.json == text

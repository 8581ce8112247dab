"""The check for private names of other packages finds each kind of use, and nothing in what is our own."""

from pathlib import Path

import pytest

from tests.architecture.private_names import EXCEPTIONS, Project, judged
from tests.fixtures.routing import write_tree

PRIVATE = {
    "a module": ("from litestar._asgi import routing_trie", "litestar._asgi.routing_trie"),
    "a module by its full name": ("import litestar._asgi.asgi_router", "litestar._asgi.asgi_router"),
    "a name": ("from asyncio import _get_running_loop", "asyncio._get_running_loop"),
    "an attribute of a module": ("import asyncio\nasyncio._get_running_loop()", "asyncio._get_running_loop"),
    "an attribute of what a package returns": ("import httpx\nhttpx.get()._x", "httpx.get()._x"),
    "an attribute of a parameter": ("def ask(client):\n    return client._transport", "client._transport"),
    "an attribute by its text": ("def ask(client):\n    return getattr(client, '_x')", "client._x"),
    "what a base has": (
        "import httpx\nclass Own(httpx.Client):\n    def ask(self):\n        return self._transport",
        "Own._transport is its base's",
    ),
    "what a base of a base has": (
        "import httpx\nclass Own(httpx.Client): ...\n"
        "class More(Own):\n    def ask(self):\n        return self._base_url",
        "More._base_url is its base's",
    ),
    "an override": (
        "import litestar\nclass Own(litestar.Litestar):\n    def _get_default_plugins(self): ...",
        "Own._get_default_plugins overrides its base's",
    ),
    "an attribute that the base has too": (
        "import httpx\nclass Own(httpx.Client):\n    def __init__(self):\n        self._transport = 1",
        "Own._transport overrides its base's",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PRIVATE)
def test_a_private_name_is_found(tmp_path: Path, kind: str):
    source, name = PRIVATE[kind]
    write_tree(tmp_path, {"runtime/own.py": source})

    assert [found.name for found in Project(tmp_path).found()] == [name]


OURS = {
    "own": "class Own:\n    def __init__(self, other):\n        self._x = other._x",
    "own below a foreign base": (
        "import httpx\nclass Own(httpx.Client):\n    _x = 1\n    def ask(self):\n        self._x"
    ),
    "documented": "import os, sys\nsys._getframe()\nos._exit(1)",
    "named tuple": "from typing import NamedTuple\nclass Own(NamedTuple):\n    x: int\nOwn(1)._replace(x=2)",
    "double underscores": "import httpx\nhttpx.__version__",
}  # fmt: skip


@pytest.mark.parametrize("kind", OURS)
def test_what_is_our_own_or_documented_is_not_found(tmp_path: Path, kind: str):
    write_tree(tmp_path, {"runtime/own.py": OURS[kind]})

    assert Project(tmp_path).found() == []


def test_the_project_uses_no_private_name_but_its_exceptions():
    assert judged(Path()) == []
    assert len(EXCEPTIONS) <= 3


@pytest.mark.parametrize("test", EXCEPTIONS.values())
def test_every_exception_has_a_test_that_fails_when_the_name_changes(test: str):
    file, _, name = test.partition("::")

    assert f"def {name}(" in (Path(__file__).parent / file).read_text("utf-8")

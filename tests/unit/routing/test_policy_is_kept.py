"""The policy that a file says it has is the one that holds, or the file is out of service."""

# ruff: noqa: E501  a case is one line

from pathlib import Path

import pytest

from runtime.routing import RouteTable, discover
from tests.fixtures.routing import write_tree

GET = "async def get() -> str:\n    return 'ok'\n"
FUNCTION = "from runtime import Function\n"
FOLDER = "from runtime import Folder\n"
TIGHT = "Function(permission='org:read')"

LOST = {
    "star import that brings it": f"from ._base import *\n{GET}",
    "star import after it": f"{FUNCTION}config = Function(org=True)\nfrom ._base import *\n{GET}",
    "match that captures it": f"{FUNCTION}match {TIGHT}:\n    case config:\n        pass\n{GET}",
    "match that captures it with as": f"{FUNCTION}match {TIGHT}:\n    case object() as config:\n        pass\n{GET}",
    "match that captures the rest": f"match {{'a': 1}}:\n    case {{**config}}:\n        pass\n{GET}",
    "match that captures a star": f"match [1, 2]:\n    case [1, *config]:\n        pass\n{GET}",
    "walrus in a comprehension": f"{FUNCTION}[config := {TIGHT} for _ in range(1)]\n{GET}",
    "walrus in a nested comprehension": f"{FUNCTION}{{(lambda x: x): [(config := {TIGHT})] for _ in 'a'}}\n{GET}",
    "walrus in an expression": f"{FUNCTION}print(config := {TIGHT})\n{GET}",
    "walrus in a default": f"{FUNCTION}def helper(x=(config := {TIGHT})): ...\n{GET}",
    "walrus in a decorator": f"{FUNCTION}@(config := lambda f: f)\ndef helper(): ...\n{GET}",
    "global in a function": f"{FUNCTION}def set_it():\n    global config\n    config = {TIGHT}\nset_it()\n{GET}",
    "global in a class": f"{FUNCTION}class A:\n    global config\n    config = {TIGHT}\n{GET}",
    "deleted": f"{FUNCTION}config = {TIGHT}\ndel config\n{GET}",
    "deleted in the same line": f"{FUNCTION}config = {TIGHT}; del config\n{GET}",
    "declared without a value": f"{FUNCTION}config: Function\n{GET}",
    "augmented": f"{FUNCTION}config = {TIGHT}\nconfig |= {TIGHT}\n{GET}",
    "one of two targets": f"{FUNCTION}config = other = {TIGHT}\n{GET}",
    "unpacked": f"{FUNCTION}config, other = {TIGHT}, 1\n{GET}",
    "exec": f"{FUNCTION}exec(\"config = {TIGHT.replace(chr(39), '')}\", {{'org:read': 1}}) if 0 else None\n"
    f"exec('config = Function(org=True)')\n{GET}",
    "globals": f"{FUNCTION}globals()['config'] = {TIGHT}\n{GET}",
    "globals over it": f"{FUNCTION}config = {TIGHT}\nglobals()['config'] = Function(timeout=3)\n{GET}",
    "setattr on the module": f"import sys\n{FUNCTION}setattr(sys.modules[__name__], 'config', {TIGHT})\n{GET}",
    "taken away": f"{FUNCTION}config = {TIGHT}\nglobals().pop('config')\n{GET}",
    "import as": f"import json as config\n{GET}",
    "import of a package": f"import config.policy\n{GET}",
    "from import": f"from ._base import config\n{GET}",
    "function": f"def config(): ...\n{GET}",
    "class": f"class config: ...\n{GET}",
    "type": f"type config = int\n{GET}",
    "with": f"import contextlib\n{FUNCTION}with contextlib.nullcontext({TIGHT}) as config:\n    pass\n{GET}",
    "except": f"try:\n    1 / 0\nexcept ZeroDivisionError as config:\n    pass\n{GET}",
    "for": f"{FUNCTION}for config in [{TIGHT}]:\n    pass\n{GET}",
    "doubled keyword": f"{FUNCTION}config = Function(org=True, org=False)\n{GET}",
    "doubled key": f"{FUNCTION}config = Function(methods={{'get': {{'org': True}}, 'get': {{}}}})\n{GET}",
    "doubled key of a method": f"{FUNCTION}config = Function(methods={{'get': {{'org': True, 'org': False}}}})\n{GET}",
    "under another name in a block": f"{FUNCTION}if True:\n    policy = {TIGHT}\n{GET}",
    "never assigned": f"{FUNCTION}{TIGHT}\n{GET}",
    "Function of another module": f"from ._base import Function\nconfig = {TIGHT}\n{GET}",
}

BASE = """
    class Function:
        def __init__(self, **keys): ...
    config = Function(permission='org:read')
    __all__ = ['config']
"""


def serving(table: RouteTable) -> list[str]:
    return [f"{one.endpoint.method} {one.endpoint.template}" for one in table.operations]


@pytest.mark.parametrize("name", LOST)
def test_a_config_that_is_not_one_literal_closes_its_file(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"_base.py": BASE, "healthy.py": GET})
    (tmp_path / "closed.py").write_text(LOST[name])

    table = discover(tmp_path)

    assert serving(table) == ["GET /healthy"]
    assert {fault.file for fault in table.faults} == {"closed.py"}


KEPT = {
    "plain": f"{FUNCTION}config = Function(org=True, timeout=5, tags=['a'])\n{GET}",
    "annotated": f"{FUNCTION}config: Function = Function(org=True)\n{GET}",
    "after a star import": f"from ._base import *\n{FUNCTION}config = Function(org=True)\n{GET}",
    "with methods": f"{FUNCTION}config = Function(org=True, methods={{'get': {{'timeout': 3}}}})\n{GET}",
    "by its module": f"import runtime\nconfig = runtime.Function(org=True)\n{GET}",
    "beside a local of the same name": f"{FUNCTION}config = Function(org=True)\n"
    f"def helper():\n    config = 1\n    return [config for config in 'ab']\n{GET}",
    "with a default fresh in every call": f"{FUNCTION}config = Function(org=True)\n"
    "async def get(limit: int = 3) -> str:\n    return 'ok'\n",
}


@pytest.mark.parametrize("name", KEPT)
def test_a_literal_config_holds(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"_base.py": BASE})
    (tmp_path / "open.py").write_text(KEPT[name])

    table = discover(tmp_path)

    assert table.faults == ()
    assert [one.endpoint.policy.org for one in table.operations] == [True]


FOLDERS = {
    "star import": f"from ._base import *\n{FOLDER}config = Folder(org=True)\n",
    "assigned in a block": f"{FOLDER}if True:\n    config = Folder(org=True)\n",
    "globals": f"{FOLDER}config = Folder(timeout=5)\nglobals()['config'] = Folder(org=True)\n",
    "exec": f"{FOLDER}config = Folder(timeout=5)\nexec('config = Folder(org=True)')\n",
    "changed by a function": f"{FOLDER}config = Folder(timeout=5)\ndef f():\n    global config\n    config = 1\nf()\n",
    "doubled keyword": f"{FOLDER}config = Folder(org=True, org=False)\n",
    "return at the top level": f"{FOLDER}config = Folder(org=True)\nreturn\n",
    "comprehension": f"{FOLDER}config = Folder(timeout=5)\n[config := Folder(org=True) for _ in 'a']\n",
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_config_that_is_not_one_literal_closes_the_folder(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"healthy.py": GET, "a/b.py": GET})
    (tmp_path / "a" / "_config.py").write_text(FOLDERS[name])

    table = discover(tmp_path)

    assert serving(table) == ["GET /healthy"]
    assert {fault.file for fault in table.faults} == {"a/_config.py", "a/b.py"}


@pytest.mark.parametrize("name", ["_Config.py", "_config.pyi", "_config.pyc", "_config", "_config.toml"])
def test_a_file_that_was_to_be_the_folder_policy_closes_the_folder(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"healthy.py": GET, "a/b.py": GET, f"a/{name}": "config = Folder(org=True)"})

    table = discover(tmp_path)

    assert serving(table) == ["GET /healthy"]
    assert {fault.file for fault in table.faults} == {f"a/{name}", "a/b.py"}
    assert "Name it _config.py." in {fault.cure for fault in table.faults}


def test_a_folder_named_like_the_policy_closes_the_folder_around_it(tmp_path: Path) -> None:
    write_tree(tmp_path, {"healthy.py": GET, "a/b.py": GET, "a/_config.py/policy.py": "config = 1"})

    table = discover(tmp_path)

    assert serving(table) == ["GET /healthy"]
    assert {fault.file for fault in table.faults} == {"a/_config.py", "a/b.py"}


@pytest.mark.parametrize("name", ["_conf.py", "_configs.py", "_cfg.py", "_confg.py", "_configuration.pyi"])
def test_a_name_close_to_that_of_the_policy_is_named(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"a/b.py": GET, f"a/{name}": "config = Folder(org=True)"})

    table = discover(tmp_path)

    assert {fault.file for fault in table.faults} == {f"a/{name}"}


@pytest.mark.parametrize(
    "name", ["_common.py", "_conn.py", "_confirm.py", "_connect.py", "_config.py~", "_contract.py"]
)
def test_a_private_module_with_a_name_of_its_own_is_no_policy(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"a/b.py": GET, f"a/{name}": "x = 1"})

    table = discover(tmp_path)

    assert table.faults == ()

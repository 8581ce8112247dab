"""A key is declared once: its checks, cure, documentation and folder rule follow from the declaration."""

from pathlib import Path

import pytest
from msgspec.structs import fields

from runtime.config import Folder, Function, Policy
from runtime.config.keys import keys_of
from runtime.routing import discover
from tests.fixtures.routing import write_tree

GOOD = "async def get() -> str:\n    return 'ok'\n"


@pytest.mark.parametrize("kind", [Function, Folder])
def test_every_key_is_declared_with_what_it_means_and_what_to_write(kind: type[Function | Folder]):
    keys = keys_of(kind)

    assert [each.name for each in fields(kind)] == list(keys)
    assert [name for name, key in keys.items() if not key.doc or not key.cure.endswith(".")] == []


def test_every_key_of_a_folder_says_what_may_become_of_it_below():
    assert [name for name, key in keys_of(Folder).items() if key.below is None] == []


def test_every_key_reaches_the_policy():
    assert [each.name for each in fields(Policy)] == [*(set_of_keys := keys_of(Policy)), "origins"]
    assert [name for name in keys_of(Function) if name not in set_of_keys] == ["methods"]


@pytest.mark.parametrize("name", keys_of(Function))
def test_value_of_a_wrong_type_is_refused_with_the_cure_of_its_key(tmp_path: Path, name: str):
    write_tree(tmp_path, {"a.py": f"config = Function({name}=b'x')\n{GOOD}"})

    (fault,) = discover(tmp_path).faults

    assert (fault.line, fault.cure) == (1, keys_of(Function)[name].cure)


@pytest.mark.parametrize("name", [name for name, key in keys_of(Function).items() if not key.by_method])
def test_key_of_a_whole_file_cannot_be_set_for_one_method(tmp_path: Path, name: str):
    write_tree(tmp_path, {"a.py": f"config = Function(methods={{'get': {{'{name}': 'x'}}}})\n{GOOD}"})

    (fault,) = discover(tmp_path).faults

    assert f"{name} applies to the whole file" in fault.found


@pytest.mark.parametrize("name", [name for name, key in keys_of(Function).items() if key.is_demand])
def test_key_that_demands_something_excludes_public(tmp_path: Path, name: str):
    values = {"org": True, "reverification": "strict", "token_types": ("session",)}
    value = values.get(name, "org:x")
    write_tree(tmp_path, {"a.py": f"config = Function(public=True, {name}={value!r})\n{GOOD}"})

    (fault,) = discover(tmp_path).faults

    assert fault.found == f"public=True conflicts with {name}={value!r}."

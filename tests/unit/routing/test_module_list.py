"""What is put back of `sys.modules`, whatever a file does to it."""

import sys
from types import ModuleType

import pytest

from runtime.routing.importing.module_list import ModuleList


@pytest.fixture(autouse=True)
def _modules_of_its_own(monkeypatch):
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    sys.modules.update({name: ModuleType(name) for name in ("first", "second", "third")})


def looked_at() -> ModuleList:
    modules = ModuleList()
    modules.look()
    return modules


def test_a_module_that_a_file_adds_is_no_change():
    modules = looked_at()
    sys.modules["added"] = ModuleType("added")
    assert not modules.put_back()
    assert "added" in sys.modules


@pytest.mark.parametrize("name", ["first", "second", "third"])
@pytest.mark.parametrize("added", [0, 1, 2])
def test_a_removed_module_comes_back_however_many_are_added(name, added):
    modules = looked_at()
    removed = sys.modules.pop(name)
    sys.modules.update({f"added{number}": ModuleType("added") for number in range(added)})
    assert modules.put_back()
    assert sys.modules[name] is removed
    assert not modules.put_back()


def test_a_module_that_is_removed_and_imported_again_is_no_change():
    modules = looked_at()
    again = ModuleType("second")
    del sys.modules["second"]
    sys.modules["second"] = again
    assert not modules.put_back()
    assert sys.modules["second"] is again


def test_what_the_service_has_removed_between_two_files_stays_away():
    modules = looked_at()
    del sys.modules["second"]
    modules.look()
    assert not modules.put_back()
    assert "second" not in sys.modules


def test_another_dict_in_its_place_is_replaced():
    modules, before = looked_at(), sys.modules
    sys.modules = {}
    assert modules.put_back()
    assert sys.modules is before

"""Old names of the table work throughout one minor version, and warn with the file and line that has them."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from runpy import run_path

import pytest

import runtime
from runtime import replacements
from runtime.distribution import version
from runtime.replacements import REPLACEMENTS, Replacement, is_kept
from runtime.routing import discover
from runtime.settings.reading import variables
from tests.fixtures.routing import write_tree
from tests.fixtures.service import ROOT

MOVED = [each for each in REPLACEMENTS if each.kind == "module" and each.new]
KEY = '"""A function."""\n\nfrom runtime import Function, Notes\n\nconfig = Function(\n    patience=5,\n)\n\n\nasync def get() -> int:\n    """Return it."""\n    return 1\n'


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table as a version of this minor series would bring it along."""
    rows = (
        Replacement(version(), "name", "Notes", "Jobs"),
        Replacement(version(), "key", "patience", "timeout"),
        Replacement("0.0.1", "name", "Older", "Jobs"),
        Replacement(version(), "name", "Gone", cure="write it yourself"),
    )
    monkeypatch.setattr(replacements, "REPLACEMENTS", rows)


@pytest.mark.parametrize("change", MOVED, ids=lambda change: str(change.old))
def test_a_module_that_moved_is_found_under_its_old_name_in_its_minor_version_alone(
    change: Replacement, tmp_path: Path
):
    if not is_kept(change):
        with pytest.raises(ImportError):
            import_module(change.old)
        return
    public = next(
        name for name in vars(import_module(change.new)) if name.isidentifier() and not name.startswith("_")
    )
    module = tmp_path / "service.py"
    module.write_text(f"# a comment\nfrom {change.old} import {public}\n")

    with pytest.warns(DeprecationWarning, match=f"`{change.old}` is now `{change.new}`") as warned:
        run_path(str(module))

    assert {(each.filename, each.lineno) for each in warned} == {(str(module), 2)}


def test_the_old_module_of_the_command_still_is_the_command():
    command = [sys.executable, "-m", "runtime.cli", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    assert (ran.returncode, version() in ran.stdout) == (0, True), ran.stderr


def test_a_variable_that_was_renamed_is_read_under_its_old_name_in_its_minor_version_alone():
    read = {name for variable, _ in variables() for name in variable.names}
    renamed = [each for each in REPLACEMENTS if each.kind == "variable" and each.new]

    assert {each.old for each in renamed} & read == {each.old for each in renamed if is_kept(each)}


@pytest.mark.usefixtures("renamed")
def test_an_old_name_of_the_face_and_an_old_key_work_and_warn_where_they_stand(tmp_path: Path):
    write_tree(tmp_path, {"later.py": KEY})

    with pytest.warns(DeprecationWarning, match="annex upgrade") as warned:
        table = discover(tmp_path)

    assert table.faults == ()
    assert [endpoint.policy.timeout for endpoint in table.endpoints] == [5]
    lines = {(Path(each.filename).name, each.lineno, str(each.message).partition(";")[0]) for each in warned}
    assert lines == {
        ("later.py", 3, "`Notes` is now `Jobs`"),
        ("later.py", 5, "`patience` is now `timeout`"),
    }


@pytest.mark.usefixtures("renamed")
@pytest.mark.parametrize("name", ["Older", "Gone", "Never"])
def test_a_name_of_an_earlier_minor_version_is_gone(name: str):
    with pytest.raises(AttributeError, match=name):
        getattr(runtime, name)


@pytest.mark.usefixtures("renamed")
def test_a_key_by_its_old_name_and_its_new_one_is_refused(tmp_path: Path):
    write_tree(tmp_path, {"later.py": KEY.replace("patience=5", "patience=5, timeout=9")})

    table = discover(tmp_path)

    assert [str(fault) for fault in table.faults] == ["later.py:6: timeout is set twice. Keep one."]

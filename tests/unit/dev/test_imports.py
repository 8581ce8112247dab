"""Which modules have to run again when one of them has changed."""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.dev.imports import dependents, forget, modules_at
from tests.fixtures.routing import write_tree


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package: regime imports levels, report imports regime late, notes neither."""
    package = tmp_path / "desk_of_levels"
    write_tree(
        package,
        {
            "__init__.py": "",
            "levels.py": "LEVEL = 1\n",
            "regime.py": "from .levels import LEVEL\n\nREGIME = LEVEL\n",
            "report.py": """
                def report() -> int:
                    from desk_of_levels import regime

                    return regime.REGIME
            """,
            "notes.py": "import json\n",
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("levels", "regime", "report", "notes"):
        importlib.import_module(f"desk_of_levels.{name}")
    yield package
    for name in [name for name in sys.modules if name.startswith("desk_of_levels")]:
        del sys.modules[name]


def test_dependents_are_found_through_relative_and_late_imports(desk: Path) -> None:
    changed = modules_at([desk / "levels.py"])

    found = dependents(changed, [desk])

    assert changed == {"desk_of_levels.levels"}
    assert found == {"desk_of_levels.levels", "desk_of_levels.regime", "desk_of_levels.report"}


def test_file_that_is_not_loaded_is_no_module(desk: Path) -> None:
    assert modules_at([desk / "unborn.py"]) == set()
    assert dependents(set(), [desk]) == set()


def test_forgotten_module_runs_anew_even_when_its_bytecode_looks_fresh(desk: Path) -> None:
    path = desk / "levels.py"
    before = path.stat()
    path.write_text("LEVEL = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # and the size is the same

    forget(dependents(modules_at([path]), [desk]))

    assert importlib.import_module("desk_of_levels.report").report() == 2

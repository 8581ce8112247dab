"""The product that a service's lock file holds, and the one that its pyproject.toml pins."""

from pathlib import Path

from runtime.commands.checking.product import examine_product
from tests.fixtures.routing import write_tree

PACKAGE = '[[package]]\nname = "annex-functions"\nversion = "0.1.0"\n'


def told(root: Path, lock: str, pinned: str = "sha256:aa") -> list[tuple[bool, str]]:
    write_tree(root, {"pyproject.toml": f'[tool.annex]\nwheel = "{pinned}"\n', "uv.lock": lock})
    return [(finding.is_fault, finding.text) for finding in examine_product(root)]


def test_the_wheel_that_is_pinned_is_in_the_lock(tmp_path: Path):
    lock = f'{PACKAGE}source = {{ path = "x.whl" }}\nwheels = [{{ hash = "sha256:aa" }}]\n'

    assert told(tmp_path, lock) == [(False, "annex-functions 0.1.0 is the wheel that is pinned")]


def test_another_wheel_in_the_lock_is_a_fault(tmp_path: Path):
    lock = f'{PACKAGE}source = {{ path = "x.whl" }}\nwheels = [{{ hash = "sha256:bb" }}]\n'

    ((is_fault, text),) = told(tmp_path, lock)

    assert is_fault
    assert "another wheel of annex-functions" in text


def test_the_bare_name_on_an_index_is_a_fault(tmp_path: Path):
    ((is_fault, text),) = told(tmp_path, f'{PACKAGE}source = {{ registry = "https://index.example" }}\n', "")

    assert is_fault
    assert "from an index, where anybody could publish that name" in text


def test_a_commit_needs_no_hash(tmp_path: Path):
    assert told(tmp_path, f'{PACKAGE}source = {{ git = "https://git.example/a#abc" }}\n', "") == []


def test_a_project_without_the_product_has_nothing_to_compare(tmp_path: Path):
    assert told(tmp_path, "version = 1\n") == []

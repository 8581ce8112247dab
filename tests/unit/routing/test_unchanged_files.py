"""A file that nothing has changed stays what it was found to be; what changes around it still counts."""

from pathlib import Path

from runtime.routing import RouteTable, discover
from tests.fixtures.routing import write_tree

COUNTING = """
    from __future__ import annotations

    READ: list[str] = []

    def noted(kind: type) -> type:
        READ.append(kind.__name__)
        return kind

    async def get(limit: noted(int) = 20) -> str:
        return 'ok'
"""


def read(table: RouteTable, file: str) -> list[str]:
    loaded = table.files[file].loaded
    assert loaded
    found: list[str] = loaded.module.READ
    return found


def test_signature_of_a_file_is_not_read_again_when_another_one_is_saved(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": COUNTING, "b.py": "async def get() -> str:\n    return 'one'\n"})
    first = discover(tmp_path)

    write_tree(tmp_path, {"b.py": "async def get() -> int:\n    return 2\n"})
    again = discover(tmp_path, previous=first)

    assert read(again, "a.py") == ["int"]
    assert [each.returns for each in again.operations] == [str, int]


def test_file_that_imports_what_has_changed_is_read_again(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": COUNTING})
    first = discover(tmp_path)

    again = discover(tmp_path, previous=first, stale=frozenset({"a.py"}))

    assert again.files["a.py"].loaded is not first.files["a.py"].loaded


def test_policy_of_its_folder_that_has_changed_holds_for_an_unchanged_file(tmp_path: Path) -> None:
    folder = "from runtime import Folder\nconfig = Folder(role={!r})\n"
    write_tree(tmp_path, {"in/_config.py": folder.format("org:admin"), "in/a.py": COUNTING})
    first = discover(tmp_path)

    write_tree(tmp_path, {"in/_config.py": folder.format("org:owner")})
    again = discover(tmp_path, previous=first)

    assert [each.policy.role for each in again.endpoints] == ["org:owner"]
    assert again.files["in/a.py"].loaded is first.files["in/a.py"].loaded


def test_unchanged_file_gives_its_url_up_and_takes_it_back(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": COUNTING})
    alone = discover(tmp_path)

    write_tree(tmp_path, {"a/index.py": COUNTING})
    disputed = discover(tmp_path, previous=alone)
    (tmp_path / "a" / "index.py").unlink()
    again = discover(tmp_path, previous=disputed)

    assert not disputed.operations
    assert [each.endpoint.file for each in again.operations] == ["a.py"]

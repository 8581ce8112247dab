"""`annex check` on routes below a folder's URL that its policy does not hold for."""

import pytest

from runtime.commands.checking.examination import examine
from runtime.routing import discover
from runtime.settings import load
from tests.fixtures.routing import write_tree

FOLDER = "from runtime import Folder\nconfig = Folder({})\n"
PLAIN = "async def get() -> str:\n    return ''\n"


def doubts(tmp_path, files):
    write_tree(tmp_path / "functions", files)
    table = discover(tmp_path / "functions")
    assert not table.faults
    settings = load({"ANNEX_FUNCTIONS": str(tmp_path / "functions")})
    return [one.text for one in examine(settings, table, root=tmp_path) if one.area == "policies"]


def with_config(text):
    return f"from runtime import Function\nconfig = Function({text})\n{PLAIN}"


@pytest.mark.parametrize(
    ("stray", "text"),
    [
        ("(ops)/admin/side.py", PLAIN),
        ("(ops)/admin/index.py", PLAIN),
        ("(ops)/admin/deep/side.py", PLAIN),
        ("(a)/(b)/admin/side.py", PLAIN),
        ("side.py", with_config("path='/admin/side'")),
        ("(ops)/admin/side.py", with_config("public=True")),
        ("(ops)/admin/side.py", with_config("role='org:member'")),
        ("admin.py", PLAIN),
    ],
)
def test_a_route_below_a_folders_url_without_its_policy_is_told(tmp_path, stray, text):
    files = {"admin/_config.py": FOLDER.format("role='org:admin'"), "admin/index_of.py": PLAIN, stray: text}

    (doubt,) = doubts(tmp_path, files)

    assert stray in doubt
    assert "admin/_config.py" in doubt
    assert "role" in doubt


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ("(ops)/admin/side.py", with_config("role='org:admin'")),
        ("admin/deep/side.py", PLAIN),
        ("administration/side.py", PLAIN),
        ("(ops)/other/admin/side.py", PLAIN),
        ("[name]/side.py", "async def get(name: str) -> str:\n    return ''\n"),
    ],
)
def test_a_route_that_has_the_policy_or_is_elsewhere_is_not(tmp_path, other, text):
    files = {"admin/_config.py": FOLDER.format("role='org:admin'"), "admin/index_of.py": PLAIN, other: text}

    assert doubts(tmp_path, files) == []


def test_a_dynamic_folder_is_known_by_its_parameter(tmp_path):
    files = {
        "[tenant]/_config.py": FOLDER.format("org=True"),
        "[tenant]/one.py": "async def get(tenant: str) -> str:\n    return ''\n",
        "(ops)/[tenant]/two.py": "async def get(tenant: str) -> str:\n    return ''\n",
    }

    (doubt,) = doubts(tmp_path, files)

    assert "/{tenant}/two" in doubt

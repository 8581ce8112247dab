"""What an upgrade rewrites in a service's files, and what it leaves to people."""

from pathlib import Path

import pytest

from runtime.commands.upgrade import with_version
from runtime.replacements import REPLACEMENTS, Replacement, since
from runtime.starting.news import news
from runtime.starting.rewriting import rewrite, uses
from tests.fixtures.routing import write_tree

MADE_UP = (
    Replacement("0.2.0", "name", "Http", "HttpClient"),
    Replacement("0.2.0", "key", "timeout", "deadline"),
    Replacement("0.3.0", "variable", "ANNEX_SEED", "ANNEX_SQL"),
    Replacement("0.3.0", "module", "shared.money", "shared.amounts"),
    Replacement("0.3.0", "module", "runtime.old", cure="write it yourself"),
)


def upgraded(root: Path, name: str, text: str) -> str:
    write_tree(root, {name: text})
    rewrite(uses(root, MADE_UP))
    return (root / name).read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from runtime import Http\n\nx: Http = Http()\n", "from runtime import HttpClient\n\nx: HttpClient = HttpClient()\n"),
        ("from runtime import Http as H, User\nH()\n", "from runtime import HttpClient as H, User\nH()\n"),
        ("from runtime import Http\n\ndef f(Http): return Http\n", "from runtime import HttpClient as Http\n\ndef f(Http): return Http\n"),
        ("from elsewhere import Http\nHttp()\n", "from elsewhere import Http\nHttp()\n"),
        ("é = 'Http'; from runtime import Http  # Http\n", "é = 'Http'; from runtime import HttpClient  # Http\n"),
        ("config = Function(timeout=5, public=True)\nsleep(timeout=5)\n", "config = Function(deadline=5, public=True)\nsleep(timeout=5)\n"),
        ("import shared.money\nshared.money.round()\n", "import shared.amounts\nshared.amounts.round()\n"),
        ("import shared.money.cents as c\n", "import shared.amounts.cents as c\n"),
        ("from shared.money import cents\n", "from shared.amounts import cents\n"),
        ("from shared import money, moneybag\nmoney.round()\n", "from shared import amounts as money, moneybag\nmoney.round()\n"),
        ("import shared.moneybag\n", "import shared.moneybag\n"),
        ("broken(\nfrom runtime import Http\n", "broken(\nfrom runtime import Http\n"),
    ],
)  # fmt: skip
def test_an_old_name_is_replaced_where_it_is_meant_and_nowhere_else(tmp_path: Path, old: str, new: str):
    assert upgraded(tmp_path, "functions/x.py", old) == new


def test_a_renamed_variable_is_replaced_in_the_files_that_set_it(tmp_path: Path):
    assert upgraded(tmp_path, ".env", "ANNEX_SEED=a\nMY_ANNEX_SEED=b\n") == "ANNEX_SQL=a\nMY_ANNEX_SEED=b\n"
    assert upgraded(tmp_path, "Makefile", "dev:\n\tANNEX_SEED=a annex dev\n").endswith(
        "\tANNEX_SQL=a annex dev\n"
    )


def test_what_has_no_new_name_is_left_to_a_person_with_file_and_line(tmp_path: Path):
    write_tree(tmp_path, {"functions/x.py": "X = 1\nfrom runtime.old import thing\n"})

    (use,) = uses(tmp_path, MADE_UP)

    assert (use.line, use.text, str(use.change)) == (2, None, "`runtime.old` is gone: write it yourself")
    assert rewrite([use]) == []


def test_other_peoples_code_in_the_folder_is_not_touched(tmp_path: Path):
    for folder in (".venv/lib", "node_modules/x"):
        write_tree(tmp_path, {f"{folder}/x.py": "from runtime import Http\n"})

    assert list(uses(tmp_path, MADE_UP)) == []


def test_a_service_sees_only_what_is_newer_than_itself():
    assert [each.old for each in since("0.2.0", MADE_UP)] == ["ANNEX_SEED", "shared.money", "runtime.old"]
    assert since("0.10.0", MADE_UP) == []


def test_the_real_renames_rewrite_a_service_of_the_time_before_them(tmp_path: Path):
    old = "from shared.database.contract import Table\n"
    write_tree(tmp_path, {"shared/schema.py": old})

    rewrite(uses(tmp_path, since("0", REPLACEMENTS)))

    assert (tmp_path / "shared" / "schema.py").read_text() == "from shared.database.drift import Table\n"


def test_the_news_are_what_was_changed_since_and_not_what_was_added(tmp_path: Path):
    file = tmp_path / "CHANGELOG.md"
    file.write_text(
        "# Changelog\n\n## Unreleased\n\n### Added\n\n- New.\n\n### Changed\n\n- Moved\n  to there.\n\n"
        "## [0.2.0] - 2026-11-01\n\n### Removed\n\n- Gone.\n\n## [0.1.0]\n\n### Changed\n\n- Old.\n"
    )

    assert list(news("0.1.0", file)) == ["- Moved to there.", "- Gone."]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[tool.annex]\nversion = "0.1.0"   # why\nseed = ["a"]\n', '[tool.annex]\nversion = "0.2.0"   # why\nseed = ["a"]\n'),
        ('[tool.annex]\nseed = ["a"]\n[x]\nversion = "1"\n', '[tool.annex]\nversion = "0.2.0"\nseed = ["a"]\n[x]\nversion = "1"\n'),
        ('[project]\nversion = "1"\n', '[project]\nversion = "1"\n\n[tool.annex]\nversion = "0.2.0"\n'),
    ],
)  # fmt: skip
def test_the_version_is_written_into_its_own_table(before: str, after: str):
    assert with_version(before, "0.2.0") == after

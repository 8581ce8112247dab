"""The pages say what the code does."""

import re
from pathlib import Path

import pytest

from docs.tables import rendered

PAGES = sorted(Path("docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_what_the_code_says(page: Path):
    assert rendered(page.read_text("utf-8")) == page.read_text("utf-8"), "run `make docs`"


@pytest.mark.parametrize(
    "page",
    [Path("README.md"), Path("CONTRIBUTING.md"), *PAGES, *sorted(Path("docs/adr").glob("*.md"))],
    ids=str,
)
def test_every_link_of_a_page_leads_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_decisions_are_numbered_once():
    numbers = [path.name[:4] for path in Path("docs/adr").glob("*.md")]
    assert len(numbers) == len(set(numbers))

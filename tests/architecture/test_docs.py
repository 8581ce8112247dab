"""The pages say what the code does."""

from pathlib import Path

import pytest

from docs.tables import rendered

PAGES = sorted(Path("docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_what_the_code_says(page: Path):
    assert rendered(page.read_text("utf-8")) == page.read_text("utf-8"), "run `make docs`"

"""The pages say what the code does."""

import re
from pathlib import Path

from docs.tables import rendered

PAGES = sorted(Path("docs").rglob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_the_tables_of_every_page_are_what_the_code_says():
    texts = {str(page): page.read_text("utf-8") for page in PAGES}
    assert [name for name, text in texts.items() if rendered(text) != text] == [], "run `make docs`"


def test_every_link_of_every_page_leads_somewhere():
    pages = [*Path().glob("*.md"), *PAGES, *Path("benchmarks").glob("*.md")]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text("utf-8"))]
    assert [(str(page), link) for page, link in links if not (page.parent / link).exists()] == []
    assert len(links) > 20

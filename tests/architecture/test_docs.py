"""The pages say what the code does."""

import re
from pathlib import Path

from benchmarks import plot
from docs.tables import rendered
from tests.fixtures.service import SAMPLE

EXAMPLE = ("shared/market", "tests/market")
"""What the pages go on naming after a team has deleted it."""
PAGES = sorted(Path("docs").rglob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
CODE = re.compile(r"`((?:runtime|shared|tests|benchmarks|docs)/[^`\s]+)`")


def test_the_tables_of_every_page_are_what_the_code_says():
    texts = {str(page): page.read_text("utf-8") for page in PAGES}
    assert [name for name, text in texts.items() if rendered(text) != text] == [], "run `make docs`"


def test_every_link_of_every_page_leads_somewhere():
    pages = [*Path().glob("*.md"), *PAGES, *Path("benchmarks").glob("*.md")]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text("utf-8"))]
    assert [(str(page), link) for page, link in links if not (page.parent / link).exists()] == []
    assert len(links) > 20


def test_every_path_of_every_page_is_one_of_the_project():
    pages = [*Path().glob("*.md"), *PAGES, *Path("benchmarks").glob("*.md")]
    paths = [(page, path) for page in pages for path in CODE.findall(page.read_text("utf-8"))]
    assert [(str(page), path) for page, path in paths if not exists(path)] == []
    assert len(paths) > 100


def exists(path: str) -> bool:
    """Whether the project or the sample service has this path; `NAME` is any name, as `*` is."""
    pattern = path.partition("::")[0].replace("[", "[[]").replace("NAME", "*")
    return any(any(root.glob(pattern)) for root in (Path(), SAMPLE)) or (
        path.startswith(EXAMPLE) and not Path("shared/market").exists()
    )


def test_the_picture_of_performance_shows_the_table_of_its_page():
    drawn = plot.svg(plot.read(plot.PAGE.read_text("utf-8")))
    assert plot.PAGE.with_suffix(".svg").read_text("utf-8") == drawn, "run `python -m benchmarks.plot`"
    assert drawn.count("<rect") > 10


def test_every_job_of_functions_is_shown_by_a_test_that_exists():
    page = Path("docs/what-functions-do.md").read_text("utf-8")
    jobs = page.partition("## Where")[0].splitlines()
    named = [re.findall(r"`(tests/[^`:]+)::(test_\w+)`", line) for line in jobs if line.startswith("| ")][2:]
    missing = [
        test
        for found in named
        for file, test in found
        if not re.search(rf"^(async )?def {test}\(", Path(file).read_text("utf-8"), re.MULTILINE)
    ]

    assert missing == []
    assert len(named) > 20
    assert all(named)

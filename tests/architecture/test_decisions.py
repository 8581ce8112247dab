"""The decisions have one format, one number each, and a status that the index repeats."""

import re
from pathlib import Path

FOLDER = Path("docs/adr")
DECISIONS = {path.name[:4]: path for path in sorted(FOLDER.glob("[0-9]*.md"))}
STATUS = re.compile(r"Status: (?:accepted|(?:accepted, superseded in part|superseded) by (\d{4}))")
SECTIONS = ["## Context", "## Decision", "## Consequences"]


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def test_every_decision_has_a_number_of_its_own():
    assert len(DECISIONS) == len(list(FOLDER.glob("[0-9]*.md"))) > 50


def test_every_decision_is_a_title_a_status_and_three_sections():
    misfits = [
        path.name
        for number, path in DECISIONS.items()
        if not lines(path)[0].startswith(f"# {number}: ")
        or lines(path)[1] != ""
        or not STATUS.fullmatch(lines(path)[2])
        or [line for line in lines(path) if line.startswith("## ")] != SECTIONS
    ]
    assert misfits == []


def test_what_supersedes_a_decision_is_a_later_one_that_is_there():
    by = {number: STATUS.fullmatch(lines(path)[2]) for number, path in DECISIONS.items()}
    later = {number: found[1] for number, found in by.items() if found and found[1]}
    assert {n: other for n, other in later.items() if other not in DECISIONS or other <= n} == {}
    assert later


def test_the_index_lists_every_decision_with_its_status():
    index = (FOLDER / "README.md").read_text("utf-8")
    missing = [
        path.name
        for path in DECISIONS.values()
        if f"]({path.name}) | {lines(path)[2].removeprefix('Status: ')} |" not in index
    ]
    assert missing == []


def test_every_decision_that_code_or_pages_point_to_is_there():
    folders = [Path(name) for name in ("docs", "benchmarks", "runtime", "shared", "functions")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in {".md", ".py"}]
    named = {
        number
        for file in files
        for number in re.findall(r"(?:ADR |docs/adr/)(\d{4})", file.read_text("utf-8"))
    }
    assert named - DECISIONS.keys() == set()
    assert len(named) > 10

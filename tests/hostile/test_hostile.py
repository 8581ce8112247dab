"""A part of the hostile files in every run of the tests; `make test-hostile` runs all."""

from pathlib import Path

import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment
from tests.hostile.__main__ import NOWHERE
from tests.hostile.case import Case, cases
from tests.hostile.expected_after import EXPECTED_AFTER
from tests.hostile.suite import Suite, Verdict, table

pytestmark = pytest.mark.timeout(300)

PART = 4  # every fourth, which takes well under a minute
CALLED = (
    "exit_sys",
    "cancel_all",
    "huge_exception",
    "text_raises",
    "recursion",
    "stream_raises",
    "never_ends",
)


@pytest.fixture
def suite(tmp_path: Path, issuer: Issuer) -> Suite:
    """Runs cases in a folder of this test's own."""
    return Suite(tmp_path, environment(issuer, NOWHERE, tmp_path, ANNEX_IMPORT_BUDGET="1"))


def _not_held(verdicts: list[Verdict]) -> list[str]:
    return [
        f"{each.case.name}: {each.why}"
        for each in verdicts
        if each.why and each.case.name not in EXPECTED_AFTER
    ]


def test_files_that_do_harm_when_they_are_read_or_imported_cost_their_neighbours_nothing(
    suite: Suite,
) -> None:
    imported = [each for each in cases() if each.kind != "calls"][::PART]

    assert _not_held(suite.together(imported)) == []


def test_calls_that_do_harm_cost_their_neighbours_nothing(suite: Suite) -> None:
    called = [each for each in cases("calls") if each.name.removeprefix("calls/") in CALLED]

    assert _not_held([*suite.one_by_one(called)]) == []


def test_there_are_cases_of_each_class() -> None:
    assert len(cases()) >= 150
    assert {each.kind for each in cases()} >= {
        "imports",
        "surroundings",
        "source",
        "policy",
        "conflicts",
        "answers",
        "typescript",
        "calls",
    }


def test_what_is_expected_later_names_a_case() -> None:
    assert {each.name for each in cases()} >= EXPECTED_AFTER


def test_the_table_names_each_case_that_does_not_hold() -> None:
    held, later, failed = (Case(f"calls/{name}", b"") for name in ("held", "later", "failed"))
    verdicts = [Verdict(held, ""), Verdict(later, "the service ended"), Verdict(failed, "it answered 200")]

    lines = table(verdicts, frozenset({"calls/later"})).splitlines()

    assert lines[1].split() == ["calls", "3", "1", "1", "1"]
    assert lines[3:] == ["calls/later: the service ended", "calls/failed: it answered 200"]

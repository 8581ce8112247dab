"""The example's utilities in TypeScript: compiled strictly, and run by Node on their golden vectors."""

import json
import re

import pytest

from tests.fixtures.node import ROOT, compile_client, run_tests

pytestmark = pytest.mark.timeout(600)


def test_calendar_and_thresholds_pass_every_golden_vector_in_typescript_too(node, compilers, tmp_path):
    vectors = [
        case["name"]
        for subject in ("calendar", "thresholds")
        for case in json.loads((ROOT / "contracts/vectors" / f"{subject}.json").read_text())["cases"]
    ]

    report = run_tests(node, compile_client(node, compilers, ROOT / "client/market/tests", tmp_path))

    assert report.returncode == 0, report.stdout
    passed = re.findall(r"^\s+ok \d+ - (.*)$", report.stdout, flags=re.MULTILINE)
    assert sorted(passed) == sorted(vectors)

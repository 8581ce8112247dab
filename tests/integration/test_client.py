"""The TypeScript client as its users have it: checked by their compilers, run by Node against a server."""

import re

import pytest

from tests.fixtures.node import ROOT, run

COMPILERS = {"5.9": "node_modules/typescript/bin/tsc", "7": "node_modules/typescript7/bin/tsc"}


@pytest.mark.parametrize("version", COMPILERS)
def test_the_client_type_checks_under_the_strictest_settings(node, compilers, version):
    compiler = compilers / COMPILERS[version]
    assert run(node, compiler, "--version", cwd=compilers).stdout.startswith(f"Version {version}")
    checked = run(node, compiler, "--project", "tsconfig.json", cwd=compilers)
    assert checked.returncode == 0, checked.stdout


@pytest.fixture(scope="module")
def report(node, compilers, tmp_path_factory):
    """What Node's test runner says, with the client compiled by TypeScript 5.9."""
    built = tmp_path_factory.mktemp("client")
    compiler = compilers / COMPILERS["5.9"]
    compiled = run(node, compiler, "--project", "tsconfig.run.json", "--outDir", built, cwd=compilers)
    assert compiled.returncode == 0, compiled.stdout
    vectors = ROOT / "contracts" / "vectors"
    return run(
        node,
        "--test",
        "--test-reporter=tap",
        built / "tests",
        cwd=built,
        VECTORS=str(vectors),
        NODE_OPTIONS="",
    )


def test_the_clients_own_tests_pass_against_a_real_http_server(report):
    failed = re.findall(r"^\s*not ok \d+ - (.*)$", report.stdout, flags=re.MULTILINE)
    assert (report.returncode, failed) == (0, []), report.stdout


def test_no_test_of_the_client_was_left_out(report):
    counts = dict(re.findall(r"^# (\w+) (\d+)$", report.stdout, flags=re.MULTILINE))
    assert int(counts["pass"]) > 180
    assert counts["skipped"] == counts["todo"] == counts["cancelled"] == "0"


def test_the_client_depends_on_nothing():
    for path in (ROOT / "client").glob("*.ts"):
        if path.name == "server.ts":
            continue
        sources = re.findall(r"from \"([^\"]+)\"", path.read_text())
        assert all(source.startswith("./") for source in sources), path.name

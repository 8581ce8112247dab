"""The TypeScript client as its users have it: checked by their compilers, run by Node against a server."""

import json
import random
import re
import shutil
from itertools import combinations, cycle
from pathlib import Path
from typing import Any

import pytest

from runtime.bridge import artefacts, openapi, typescript
from runtime.routing import discover
from tests.fixtures.constructs import CONSTRUCTS
from tests.fixtures.node import CHECKS, ROOT, STRICT, TARGETS, compile_client, run, run_tests
from tests.fixtures.routing import write_tree

pytestmark = pytest.mark.timeout(600)

COMPILERS = {"5.9": "node_modules/typescript/bin/tsc", "7": "node_modules/typescript7/bin/tsc"}


@pytest.mark.parametrize("version", COMPILERS)
def test_the_client_type_checks_under_the_strictest_settings(node, compilers, version):
    compiler = compilers / COMPILERS[version]
    assert run(node, compiler, "--version", cwd=compilers).stdout.startswith(f"Version {version}")
    checked = run(node, compiler, "--project", "tsconfig.json", cwd=compilers)
    assert checked.returncode == 0, checked.stdout


STOCK = {
    "target": "ES2017",
    "lib": ["dom", "dom.iterable", "esnext"],
    "module": "esnext",
    "moduleResolution": "bundler",
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "types": [],
}
"""What create-next-app writes, as far as it matters to files that import nothing."""

ONE_BY_ONE: dict[str, dict[str, Any]] = {
    "as create-next-app writes it": {},
    "every check on": dict.fromkeys(CHECKS, True),
    "not strict": {"strict": False},
    **{check: {check: True} for check in CHECKS},
    **{f"{check} off": {check: False} for check in STRICT},
    **{target: {"target": target} for target in TARGETS},
}


def in_pairs(rows: int) -> dict[str, dict[str, Any]]:
    """Return settings in which every two checks are on and off in all four ways; targets take turns."""
    checks, chance = (*CHECKS, *STRICT), random.Random(5)  # noqa: S311
    missing = {
        ((one, a), (two, b))
        for one, two in combinations(checks, 2)
        for a in (True, False)
        for b in (True, False)
    }
    missing -= {pair for pair in missing if _clash(dict(pair))}
    settings = {}
    for row, target in zip(range(rows), cycle(TARGETS)):
        drawn = (_drawn(checks, chance) for _ in range(200))
        best = max(drawn, key=lambda one: len(missing.intersection(combinations(one.items(), 2))))
        missing.difference_update(combinations(best.items(), 2))
        settings[f"row {row}"] = STOCK | {"target": target, **best}
    assert not missing, f"{rows} rows leave out {missing}"
    return settings


def _drawn(checks: tuple[str, ...], chance: random.Random) -> dict[str, bool]:
    drawn = {check: chance.random() < 0.5 for check in checks}
    for name in NEEDS_NULLS:
        drawn[name] &= drawn["strictNullChecks"]
    return drawn


NEEDS_NULLS = ("exactOptionalPropertyTypes", "strictPropertyInitialization")


def _clash(pair: dict[str, bool]) -> bool:
    """Whether the compiler refuses two settings together."""
    return pair.get("strictNullChecks") is False and any(pair.get(name) for name in NEEDS_NULLS)


@pytest.mark.parametrize("settings", [pytest.param(one, id=name) for name, one in ONE_BY_ONE.items()])
def test_the_client_type_checks_under_the_settings_of_any_app(node, compilers, tmp_path, settings):
    sources = {"include": [f"{ROOT}/client/*.ts"], "exclude": [f"{ROOT}/client/server.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": STOCK | settings, **sources}))
    checked = run(node, compilers / COMPILERS["7"], "--project", tmp_path, cwd=compilers)
    assert checked.returncode == 0, checked.stdout


def test_the_client_type_checks_under_every_pair_of_settings_in_the_older_compiler(node, compilers):
    files = [str(file) for file in (ROOT / "client").glob("*.ts") if file.name != "server.ts"]
    asked = json.dumps({"files": files, "settings": in_pairs(11)})
    compiler = compilers / "node_modules" / "typescript"
    checked = run(node, ROOT / "tests" / "fixtures" / "matrix.cjs", compiler, asked, cwd=compilers)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert {name: text for name, text in json.loads(checked.stdout).items() if text} == {}


@pytest.fixture(scope="module")
def report(node, compilers, tmp_path_factory):
    """What Node's test runner says, with the client compiled by TypeScript 5.9."""
    return run_tests(
        node, compile_client(node, compilers, ROOT / "client/tests", tmp_path_factory.mktemp("client"))
    )


def test_the_clients_own_tests_pass_against_a_real_http_server(report):
    failed = re.findall(r"^\s*not ok \d+ - (.*)$", report.stdout, flags=re.MULTILINE)
    assert (report.returncode, failed) == (0, []), report.stdout


def test_no_test_of_the_client_was_left_out(report):
    counts = dict(re.findall(r"^# (\w+) (\d+)$", report.stdout, flags=re.MULTILINE))
    assert int(counts["pass"]) > 120
    assert counts["skipped"] == counts["todo"] == counts["cancelled"] == "0"


def test_the_client_depends_on_nothing():
    for path in (ROOT / "client").glob("*.ts"):
        if path.name == "server.ts":
            continue
        sources = re.findall(r"from \"([^\"]+)\"", path.read_text())
        assert all(source.startswith("./") for source in sources), path.name


@pytest.fixture(scope="module")
def constructs(tmp_path_factory):
    """The contract of a functions folder that uses every construct."""
    functions = tmp_path_factory.mktemp("constructs") / "functions"
    write_tree(functions, CONSTRUCTS)
    table = discover(functions)
    assert not table.faults
    return table.operations


def project(root: Path, contract: dict[str, Any], consumer: str) -> Path:
    """Lay out a copy of the client for `contract`, and a file that calls it; return where to compile."""
    artefacts.write(root, (), app=root / "client")
    (root / "client" / "schema.ts").write_text(typescript.emit(contract))
    tests = root / "client" / "tests"
    tests.mkdir()
    for name in ("tsconfig.json", "tsconfig.consumer.json"):
        shutil.copy(ROOT / "client" / "tests" / name, tests)
    (tests / "consumer.ts").write_text(consumer)
    return tests


@pytest.mark.parametrize("version", COMPILERS)
def test_every_construct_is_typed_for_those_who_send_it_and_those_who_read_it(
    node, compilers, constructs, tmp_path, version
):
    consumer = (ROOT / "client" / "tests" / "consumer.ts").read_text()
    folder = project(tmp_path, openapi.document(constructs), consumer)
    checked = run(node, compilers / COMPILERS[version], "--project", "tsconfig.consumer.json", cwd=folder)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("version", COMPILERS)
def test_a_type_with_a_name_of_the_clients_own_breaks_no_build(node, compilers, tmp_path, version):
    names = [
        "Call",
        "Result",
        "Response",
        "Route",
        "Errors",
        "Failure",
        "BackendError",
        "ErrorCode",
        "Permission",
    ]
    contract = openapi.document([])
    contract["components"]["schemas"] |= {
        name: {"type": "object", "properties": {"note": {"type": "string"}}} for name in names
    }
    consumer = 'import type { Result } from "../schema";\nexport const result: Result = { note: "x" };\n'
    folder = project(tmp_path, contract, consumer + 'export { createBackend } from "../index";\n')
    checked = run(node, compilers / COMPILERS[version], "--project", "tsconfig.consumer.json", cwd=folder)
    assert checked.returncode == 0, checked.stdout


def test_500_functions_cost_the_compiler_a_few_steps_each(node, compilers, constructs, tmp_path):
    work = {}
    for count in (5, 500):
        contract = openapi.document(constructs)
        contract["paths"] = {
            f"/copy{n}{path}": item for n in range(count // 5) for path, item in contract["paths"].items()
        }
        calls = [
            'import { createBackend } from "../index";',
            'const backend = createBackend({ baseUrl: "x" });',
            'export const page = backend.get("/copy0/constructs", { query: { tags: [] } });',
            'export const gone = backend.delete("/copy0/items/{id}", { path: { id: "1" } }).result();',
        ]
        folder = project(tmp_path / str(count), contract, "\n".join(calls))
        options = ("--project", "tsconfig.consumer.json", "--extendedDiagnostics")
        checked = run(node, compilers / COMPILERS["5.9"], *options, cwd=folder)
        assert checked.returncode == 0, checked.stdout
        work[count] = int(re.findall(r"^Instantiations:\s+(\d+)", checked.stdout, flags=re.MULTILINE)[0])
    assert work[500] - work[5] < 40 * 495  # a few steps for each function, none of them for each call

"""Signatures that are allowed and seldom written, called from the generated client at a real service."""

import json
from pathlib import Path

import pytest

from runtime.bridge import artefacts
from runtime.routing import discover
from tests.fixtures.clerk import Issuer
from tests.fixtures.node import ROOT, run
from tests.fixtures.routing import write_tree
from tests.fixtures.service import annex
from tests.fixtures.unusual import FUNCTIONS

pytestmark = pytest.mark.timeout(300)

CALLS = ROOT / "tests" / "fixtures" / "unusual" / "calls.ts"
OPTIONS = {
    "target": "ES2022", "lib": ["ES2022", "DOM", "DOM.Iterable"], "module": "ESNext", "strict": True,
    "noEmit": True, "moduleResolution": "Bundler", "skipLibCheck": True, "types": ["node"],
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
}  # fmt: skip


@pytest.fixture
def project(compilers: Path, tmp_path: Path) -> Path:
    """A folder with the functions, the client of their contract, and the calls."""
    write_tree(tmp_path / "functions", FUNCTIONS)
    table = discover(tmp_path / "functions")
    assert not table.faults
    artefacts.write(tmp_path, table.operations, app=tmp_path / "annex")
    (tmp_path / "calls.ts").write_text(CALLS.read_text())
    (tmp_path / "node_modules").symlink_to(compilers / "node_modules")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": ["calls.ts"]}))
    return tmp_path


def test_every_unusual_signature_compiles_and_is_answered(
    node: str, compilers: Path, project: Path, issuer: Issuer
):
    compiler = compilers / "node_modules" / "typescript7" / "bin" / "tsc"
    compiled = run(node, compiler, "--project", project, cwd=project)
    assert compiled.returncode == 0, compiled.stdout
    esbuild = compilers / "node_modules" / ".bin" / "esbuild"
    options = ("--bundle", "--platform=node", "--format=esm", "--outfile=calls.mjs")
    bundled = run(esbuild, "calls.ts", *options, cwd=project)
    assert bundled.returncode == 0, bundled.stderr
    settings = {
        "ANNEX_ENV": "test",
        "CLERK_JWT_KEY": issuer.pem,
        "ANNEX_FUNCTIONS": str(project / "functions"),
    }
    with annex("serve", project, settings) as service:
        ran = run(node, project / "calls.mjs", cwd=project, BACKEND_API_URL=service.url, TOKEN=issuer.token())
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"tried": 20, "failed": {}}

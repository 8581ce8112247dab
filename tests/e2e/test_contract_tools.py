"""Other people's tools take the contract: linters find nothing, generated clients call a service."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.node import ROOT, run
from tests.fixtures.service import SAMPLE, Service, annex

pytestmark = pytest.mark.timeout(600)

TOOLS = ROOT / "tests" / "fixtures" / "contract_tools"
GENERATORS = {
    "openapi_fetch": ("openapi-typescript", "openapi.json", "--output", "openapi-typescript.ts"),
    "hey_api": (
        "openapi-ts",
        "-i",
        "openapi.json",
        "-o",
        "hey-api",
        "-c",
        "@hey-api/client-fetch",
        "--no-log-file",
    ),
    "orval": ("orval", "--input", "./openapi.json", "--output", "./orval-client.ts", "--client", "fetch"),
}
STRICT = {
    "target": "ES2022",
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "strict": True,
    "skipLibCheck": True,
    "noEmit": True,
    "types": ["node"],
}


@pytest.fixture(scope="module")
def service(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "ANNEX_ENV": "test",
        "CLERK_JWT_KEY": issuer.pem,
        "ANNEX_FUNCTIONS": str(SAMPLE / "functions"),
        "PYTHONPATH": str(SAMPLE),
    }
    with annex("serve", tmp_path_factory.mktemp("tools"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def project(compilers: Path, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the contract that the service serves, and the tools beside it."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(httpx.get(f"{service.url}/openapi.json", timeout=30).content)
    (folder / "node_modules").symlink_to(compilers / "node_modules")
    (folder / "package.json").write_text("{}")
    return folder


@pytest.mark.parametrize("contract", [ROOT / "contracts" / "openapi.json", None], ids=["committed", "served"])
def test_linters_find_nothing_beyond_the_exceptions_that_have_their_reason(
    compilers: Path, project: Path, contract: Path | None
):
    tools, rules = compilers / "node_modules" / ".bin", ROOT / "contracts"
    file = contract or project / "openapi.json"
    redocly = run(tools / "redocly", "lint", "--config", rules / "redocly.yaml", file, cwd=project)
    spectral = run(
        tools / "spectral", "lint", "--fail-severity=hint", "-r", rules / ".spectral.yaml", file, cwd=project
    )
    assert (redocly.returncode, "warning" in redocly.stderr.partition("validating")[2]) == (0, False), (
        redocly.stderr
    )
    assert spectral.returncode == 0, spectral.stdout


@pytest.mark.parametrize("client", GENERATORS)
def test_a_generated_client_compiles_and_calls_the_service(
    node: str, compilers: Path, project: Path, service: Service, issuer: Issuer, client: str
):
    tools = compilers / "node_modules" / ".bin"
    program, *arguments = GENERATORS[client]
    generated = run(tools / program, *arguments, cwd=project)
    assert generated.returncode == 0, generated.stdout + generated.stderr
    shutil.copy(TOOLS / f"{client}.ts", project)
    (project / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "files": [f"{client}.ts"]}))
    compiled = run(tools / "tsc", "--project", project, cwd=project)
    assert compiled.returncode == 0, compiled.stdout
    bundle = project / f"{client}.cjs"
    bundled = run(
        tools / "esbuild", f"{client}.ts", "--bundle", "--platform=node", f"--outfile={bundle}", cwd=project
    )
    assert bundled.returncode == 0, bundled.stderr
    token = issuer.token(sub="user_ada")
    ran = run(node, bundle, cwd=project, BACKEND_API_URL=service.url, TOKEN=token)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == ["sample", "user_ada", "invalid_input"]

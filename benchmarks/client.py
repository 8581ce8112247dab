"""The typed client beside openapi-typescript with openapi-fetch: bytes in the browser, seconds of the compiler.

``python -m benchmarks.client`` prints a table for 500 functions, both measured in one run, the best of three times.
"""

import argparse
import gzip
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from runtime.bridge import artefacts, openapi, typescript
from runtime.routing import discover
from tests.fixtures.constructs import CONSTRUCTS
from tests.fixtures.node import ROOT, install, run
from tests.fixtures.routing import write_tree

CALLS = 50
OURS = """
import { createBackend } from "./annex/index";
const backend = createBackend({ baseUrl: "https://api.example.com" });
"""
PEERS = """
import createClient from "openapi-fetch";
import type { paths } from "./schema";
const client = createClient<paths>({ baseUrl: "https://api.example.com" });
"""
OUR_CALL = 'export const a{n} = backend.get("/copy{n}/constructs", {{ query: {{ tags: [] }} }}).then((page) => page.items);\n'
PEERS_CALL = 'export const a{n} = client.GET("/copy{n}/constructs", {{ params: {{ query: {{ tags: [] }} }} }}).then((a) => a.data?.items);\n'
STRICT = {
    "target": "ES2022", "lib": ["ES2022", "DOM", "DOM.Iterable"], "module": "ESNext", "moduleResolution": "Bundler",
    "strict": True, "skipLibCheck": True, "noEmit": True, "types": [],
}  # fmt: skip


def main() -> None:
    """Measure both."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--functions", type=int, default=500)
    count = asked.parse_args().functions
    tools = ROOT / "client" / "tests"
    install(tools)
    print(
        "| client | browser, bytes | gzipped | TypeScript 5.9, s | TypeScript 7, s |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory(prefix="annex-client-") as temporary:
        contract = _contract(Path(temporary) / "functions", count)
        for name, lay_out in (("annex", _ours), ("openapi-typescript, openapi-fetch", _peers)):
            folder = Path(temporary) / name.partition(",")[0]
            folder.mkdir()
            (folder / "node_modules").symlink_to(tools / "node_modules")
            lay_out(folder, contract)
            sizes = _sizes(folder)
            times = [f"{_seconds(folder, compiler):.2f}" for compiler in ("typescript", "typescript7")]
            print("|", " | ".join([name, *map(str, sizes), *times]), "|", flush=True)


def _contract(functions: Path, count: int) -> dict[str, Any]:
    """Return the contract of `count` operations: copies of a folder that uses every construct."""
    write_tree(functions, CONSTRUCTS)
    contract = openapi.document(discover(functions).operations)
    each = sum(len(item) for item in contract["paths"].values())
    contract["paths"] = {
        f"/copy{n}{path}": {
            method: {**entry, "operationId": f"copy{n}.{entry['operationId']}"}
            for method, entry in item.items()
        }
        for n in range(-(-count // each))
        for path, item in contract["paths"].items()
    }
    return contract


def _ours(folder: Path, contract: dict[str, Any]) -> None:
    artefacts.copy_into(folder / "annex", ROOT)
    for needs_an_app in ("server.ts", "browser.tsx", "public.tsx"):
        (folder / "annex" / needs_an_app).unlink()
    (folder / "annex" / "schema.ts").write_text(typescript.emit(contract))
    _write(folder, OURS, OUR_CALL, contract)


def _peers(folder: Path, contract: dict[str, Any]) -> None:
    (folder / "openapi.json").write_bytes(openapi.encode(contract))
    tool = folder / "node_modules" / ".bin" / "openapi-typescript"
    made = run(tool, "openapi.json", "--output", "schema.ts", cwd=folder)
    assert made.returncode == 0, made.stderr
    _write(folder, PEERS, PEERS_CALL, contract)


def _write(folder: Path, head: str, call: str, contract: dict[str, Any]) -> None:
    copies = sum(path.endswith("/constructs") for path in contract["paths"])
    (folder / "calls.ts").write_text(head + "".join(call.format(n=n) for n in range(min(CALLS, copies))))
    (folder / "one.ts").write_text(head + call.format(n=0))
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "files": ["calls.ts"]}))


def _sizes(folder: Path) -> tuple[int, int]:
    """Return the bytes of one call and the client, bundled and minified, plain and gzipped."""
    esbuild = shutil.which("esbuild", path=str(folder / "node_modules" / ".bin"))
    assert esbuild is not None
    done = run(esbuild, "one.ts", "--bundle", "--minify", "--format=esm", "--outfile=one.js", cwd=folder)
    assert done.returncode == 0, done.stderr
    bundle = (folder / "one.js").read_bytes()
    return len(bundle), len(gzip.compress(bundle, 9))


def _seconds(folder: Path, compiler: str) -> float:
    tsc = folder / "node_modules" / compiler / "bin" / "tsc"
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        checked = run("node", tsc, "--project", ".", cwd=folder)
        best = min(best, time.perf_counter() - begun)
        assert checked.returncode == 0, checked.stdout
    return best


if __name__ == "__main__":
    main()

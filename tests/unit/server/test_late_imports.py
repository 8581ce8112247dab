"""A spare has imported everything: what it imports once it is called, everybody waits for."""

import json
import subprocess
import sys
from pathlib import Path

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import free_port

PROGRAM = """
import contextlib, json, os, signal, sys
from runtime.app import create_app
from runtime.server.late_imports import import_late
from runtime.server.process import run
from runtime.settings.reading import load
@contextlib.asynccontextmanager
async def stopped():
    signal.raise_signal(signal.SIGTERM)
    yield
settings = load(json.loads(sys.argv[1]))
import_late()
application = create_app(settings)
application.companions.append(stopped())
before = {*sys.modules}
run(application, settings)
with open(sys.argv[2], "w") as said:
    json.dump(sorted({*sys.modules} - before), said)
"""


def test_a_worker_that_begins_to_serve_imports_nothing_any_more(tmp_path: Path, issuer: Issuer):
    functions = functions_of(tmp_path, {"good.py": "async def get() -> str:\n    return ''\n"})
    settings = environment(
        issuer, "postgresql://app@127.0.0.1:1/app", functions, ANNEX_DRAIN_DELAY="0", PORT=str(free_port())
    )
    said = tmp_path / "said"

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(settings), str(said)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert json.loads(said.read_text()) == []

"""docs/start.md as a reader follows it: every command of it, in a fresh folder."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.service import PATIENCE, ROOT, free_port, until
from tests.fixtures.team import APP, PRISMA, Team, answers, bare

pytestmark = pytest.mark.timeout(900)  # an environment is installed

PAGE = (ROOT / "docs" / "start.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def block(language: str, beginning: str) -> str:
    """Return the block of the page that begins so."""
    found: str
    (found,) = [text for kind, text in BLOCKS if kind == language and text.startswith(beginning)]
    return found


def test_a_reader_of_the_page_comes_from_an_empty_folder_to_an_upgrade(uv: str, wheel: Path, tmp_path: Path):
    begin, *_ = block("sh", "annex init").splitlines()
    assert begin == f"annex init backend --from {wheel.name}"
    team = Team(tmp_path, uv, wheel, {**APP, **PRISMA})

    assert block("sh", "cd backend") == "cd backend\nmake dev\n"
    port = free_port()
    with subprocess.Popen(["make", "dev"], cwd=team.folder, env=bare(uv, PORT=str(port))) as dev:
        try:
            until(lambda: answers(port) or dev.poll() is not None, seconds=10 * PATIENCE)
            call = block("sh", "curl").replace("localhost:8000", f"localhost:{port}")
            assert team.run("bash", "-c", call) == block("json", "").strip()
        finally:
            dev.send_signal(signal.SIGTERM)

    team.run("sh", "-c", block("sh", "make client"))
    assert 'await backend.get("/hello", { query: { name: "Ada" } })' in block("ts", "import")
    assert '"/hello"' in (team.web / "annex" / "schema.ts").read_text()

    (team.folder / "tests" / "functions" / "test_more.py").write_text(block("python", '"""tests/functions'))
    assert "passed" in team.run("bash", "-c", block("sh", ".venv/bin/annex new"))

    upgrade = re.sub(r"\.\./annex_functions\S+\.whl", str(wheel), block("sh", ".venv/bin/annex upgrade"))
    assert "nothing to do" in team.run("sh", "-c", upgrade)

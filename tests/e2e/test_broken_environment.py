"""Commands where something around them is broken: findings with a cure, never a traceback."""

import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_commands import run
from tests.fixtures.service import ROOT


def annex_in(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the runtime and the shared modules of `folder`."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from runtime.commands.cli import main; sys.exit(main())",
            *arguments,
        ],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the service whose shared modules can be broken."""
    ignored = shutil.ignore_patterns("__pycache__", "market")
    for name in ("runtime", "shared"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "functions").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "broken", ["def", "import nothing_at_all\n", "raise SystemError('x')\n", "TABLES = 1\n"]
)
@pytest.mark.parametrize("command", [("check", "--database"), ("doctor",)])
@pytest.mark.parametrize("file", ["schema.py", "prices/schema.py"])
def test_a_broken_schema_is_a_finding(
    copy: Path, file: str, broken: str, command: tuple[str, ...], database_url: str
):
    (copy / "shared" / file).parent.mkdir(exist_ok=True)
    (copy / "shared" / file).write_text(broken)
    result = annex_in(copy, *command, DATABASE_URL=database_url)
    assert result.returncode == 1
    assert "schema" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_service_without_a_schema_file_is_told_what_declares_tables(copy: Path, database_url: str):
    assert annex_in(copy, "check").returncode == 0
    result = annex_in(copy, "check", "--database", DATABASE_URL=database_url)
    assert result.returncode == 0
    assert "nothing to compare: no shared/*/schema.py declares TABLES or ENUMS" in result.stdout


@pytest.mark.parametrize("file", ["schema.py", "prices/schema.py"])
def test_a_table_that_a_schema_file_of_the_service_declares_is_looked_for(
    copy: Path, file: str, database_url: str
):
    (copy / "shared" / file).parent.mkdir(exist_ok=True)
    (copy / "shared" / file).write_text(
        "from shared.database.contract import Table\n"
        "TABLES = (Table(name='Price', columns={'id': 'uuid'}),)\n"
    )
    result = annex_in(copy, "check", "--database", DATABASE_URL=database_url)
    assert result.returncode == 1
    assert "Price: there is no such table on the search path" in result.stdout


class Wrong(http.server.BaseHTTPRequestHandler):
    """Answers with what its path names, which is no key set."""

    def do_GET(self) -> None:
        body = {
            "/html": b"<html>",
            "/nothing": b'{"a": 1}',
            "/bytes": b"\xff\xfe",
            "/list": b"[]",
            "/none": b"",
        }
        self.send_response(500 if self.path == "/500" else 200)
        self.end_headers()
        self.wfile.write(body.get(self.path, b'{"keys": [1, {"kid": 2}]}'))

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def wrong() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wrong)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["html", "nothing", "bytes", "list", "none", "keys", "500"])
def test_a_key_server_that_answers_no_key_set_is_a_finding(tmp_path: Path, wrong: str, path: str):
    (tmp_path / "functions").mkdir()
    result = run("doctor", cwd=tmp_path, CLERK_JWKS_URL=f"{wrong}/{path}")
    assert result.returncode == 1
    assert "✗ keys" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("functions/public.lock", b"\xff\xfe"),
        ("contracts/openapi.json", b"\xff{"),
        ("CHANGELOG.md", b"\xff"),
        (".env", b"\xff"),
    ],
)
@pytest.mark.parametrize("command", ["check", "doctor", "routes"])
def test_a_file_that_is_not_text_is_no_traceback(tmp_path: Path, file: str, content: bytes, command: str):
    for folder in ("functions", "contracts", "client"):
        (tmp_path / folder).mkdir()
    (tmp_path / file).write_bytes(content)
    result = run(command, cwd=tmp_path)
    assert "Traceback" not in result.stdout + result.stderr

"""Commands where something around them is broken: findings with a cure, never a traceback."""

import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.routing import write_tree
from tests.fixtures.service import ROOT

SEVERAL = """
import contextlib, io, json, os, sys
from runtime.commands.cli import main

results = []
for arguments, folder, environment in json.load(sys.stdin):
    os.chdir(folder)
    os.environ.update(environment)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        try:
            status = main(arguments)
        except SystemExit as left:
            status = left.code
    results.append((status, out.getvalue()))
print(json.dumps(results))
"""

HELLO = "from runtime import User\n\n\nasync def get(user: User) -> str:\n    return 'hi'\n"

type Command = tuple[list[str], Path, dict[str, str]]


def in_one_process(*commands: Command, path: Path = ROOT) -> list[tuple[int, str]]:
    """Run commands (arguments, folder, environment) one after the other; return status and output of each.

    What a command raises ends them all. `path` is where the runtime and the shared modules come from.
    """
    result = subprocess.run(
        [sys.executable, "-P", "-c", SEVERAL],
        env={"PYTHONPATH": str(path), "PATH": "/usr/bin:/bin"},
        input=json.dumps([(arguments, str(folder), more) for arguments, folder, more in commands]),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert result.returncode == 0, result.stderr
    return [(status, output) for status, output in json.loads(result.stdout)]


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
@pytest.mark.parametrize("file", ["schema.py", "prices/schema.py"])
def test_a_broken_schema_is_a_finding(copy: Path, file: str, broken: str, database_url: str):
    (copy / "shared" / file).parent.mkdir(exist_ok=True)
    (copy / "shared" / file).write_text(broken)
    at = {"DATABASE_URL": database_url}
    results = in_one_process((["check", "--database"], copy, at), (["doctor"], copy, at), path=copy)
    for status, output in results:
        assert status == 1
        assert "schema" in output
        assert "Traceback" not in output


def test_a_service_without_a_schema_file_is_told_what_declares_tables(copy: Path, database_url: str):
    alone, compared = in_one_process(
        (["check"], copy, {}), (["check", "--database"], copy, {"DATABASE_URL": database_url}), path=copy
    )
    assert alone[0] == 0
    assert compared[0] == 0
    assert "nothing to compare: no shared/*/schema.py declares TABLES or ENUMS" in compared[1]


@pytest.mark.parametrize("file", ["schema.py", "prices/schema.py"])
def test_a_table_that_a_schema_file_of_the_service_declares_is_looked_for(
    copy: Path, file: str, database_url: str
):
    (copy / "shared" / file).parent.mkdir(exist_ok=True)
    (copy / "shared" / file).write_text(
        "from shared.database.drift import Table\nTABLES = (Table(name='Price', columns={'id': 'uuid'}),)\n"
    )
    ((status, output),) = in_one_process(
        (["check", "--database"], copy, {"DATABASE_URL": database_url}), path=copy
    )
    assert status == 1
    assert "Price: table not found on the search path" in output


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


def test_a_key_server_that_answers_no_key_set_is_a_finding(tmp_path: Path, wrong: str):
    (tmp_path / "functions").mkdir()
    answers = ["html", "nothing", "bytes", "list", "none", "keys", "500"]
    results = in_one_process(
        *((["doctor"], tmp_path, {"CLERK_JWKS_URL": f"{wrong}/{answer}"}) for answer in answers)
    )
    assert len(results) == len(answers)
    for status, output in results:
        assert status == 1
        assert "✗ keys" in output
        assert "Traceback" not in output


def test_a_file_that_is_not_text_is_no_traceback(tmp_path: Path):
    files = {
        "functions/public.lock": b"\xff\xfe",
        "contracts/openapi.json": b"\xff{",
        "CHANGELOG.md": b"\xff",
        ".env": b"\xff",
    }
    commands: list[Command] = []
    for number, (file, content) in enumerate(files.items()):
        project = tmp_path / str(number)
        for folder in ("functions", "contracts", "client"):
            (project / folder).mkdir(parents=True)
        (project / file).write_bytes(content)
        commands += [([command], project, {}) for command in ("check", "doctor", "routes")]
    results = in_one_process(*commands)
    assert len(results) == len(commands)
    assert all("Traceback" not in output for _, output in results)


@pytest.mark.parametrize("name", ["functions", "contracts", "functions/public.lock"])
def test_what_cannot_be_written_to_accept_is_named_and_no_function_file_is_blamed(tmp_path: Path, name: str):
    write_tree(tmp_path, {"functions/hello.py": HELLO})
    there = tmp_path / name
    if name == "functions/public.lock":
        there.mkdir()
    else:
        shutil.rmtree(there, ignore_errors=True)
        there.touch()

    ((status, output),) = in_one_process((["check", "--accept"], tmp_path, {}))

    assert status == 1
    assert output.startswith("✗ accept ")
    assert name in output.partition("\n")[0]
    assert "Move that file" not in output


COMMANDS = ["new zeta", "upgrade --dry-run", "upgrade"]
IN_THE_WAY = {
    "a folder": ["pyproject.toml", ".env", "functions/public.lock", "contracts/openapi.json"],
    "a file": ["functions", "contracts", ".annex"],
    "no text": ["pyproject.toml", ".env", "shared/schema.py"],
    "a link to itself": ["functions/hello.py", "functions/public.lock", ".env"],
    "[tool.annex]\nversion = 3\nclient = 7\nseed = 'x'\nlitestar = [1]\n": ["pyproject.toml"],
    "[tool]\nannex = 3\n": ["pyproject.toml"],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", IN_THE_WAY)
def test_whatever_stands_where_a_file_of_the_service_should_no_command_ends_in_a_traceback(
    tmp_path: Path, what: str
):
    commands: list[Command] = []
    for number, name in enumerate(IN_THE_WAY[what]):
        project = tmp_path / str(number)
        write_tree(
            project, {"pyproject.toml": "[tool.annex]\nversion = '0.0.9'\n", "functions/hello.py": HELLO}
        )
        there = project / name
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(there) if there.is_dir() else there.unlink(missing_ok=True)
        match what:
            case "a folder":
                there.mkdir()
            case "a link to itself":
                there.symlink_to(there.name)
            case "no text":
                there.write_bytes(b"\xff\xfe\x00" + bytes(range(256)))
            case _:
                there.write_text(what)
        commands += [(words.split(), project, {}) for words in COMMANDS]

    results = in_one_process(*commands)

    assert len(results) == len(commands)
    assert [
        output for status, output in results if "Traceback" in output or not (status == 0 or output)
    ] == []

"""The commands as a person types them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from tests.fixtures.service import ROOT

pytestmark = pytest.mark.timeout(300)

ANNEX = Path(sys.executable).with_name("annex")


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME"} or "COVERAGE" in name
    }
    return subprocess.run(
        [ANNEX, *arguments],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own with one function, so that no command touches this checkout."""
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "index.py").write_text(
        '"""The card."""\n\nfrom runtime import Function\n\nconfig = Function(public=True)\n\n\n'
        'async def get() -> str:\n    """Return a greeting."""\n    return "hello"\n'
    )
    (functions / "me.py").write_text(
        '"""The caller."""\n\nfrom runtime import User\n\n\n'
        'async def get(user: User) -> str:\n    """Return who calls."""\n    return user.user_id\n'
    )
    (functions / "public.lock").write_text("GET /  index.py\n")
    return tmp_path


def test_help_explains_every_command():
    shown = run("--help").stdout
    for command in ("dev", "serve", "routes", "check", "explain", "new", "call", "token"):
        assert f"\n    {command} " in shown


def test_a_word_that_is_no_command_is_refused_with_the_list():
    result = run("serv")
    assert result.returncode == 2
    assert "invalid choice" in result.stderr


def test_token_prints_a_token_for_the_user_and_organisation(project: Path):
    result = run("token", "--user", "user_7", "--org", "org_3", cwd=project)
    claims = jwt.decode(result.stdout.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["o"]["id"]) == ("user_7", "org_3")


def test_token_is_refused_in_production(project: Path):
    result = run("token", cwd=project, ANNEX_ENV="production", CLERK_JWKS_URL="https://keys.example/jwks")
    assert (result.returncode, result.stdout) == (2, "")
    assert "production" in result.stderr


def test_a_setting_that_cannot_be_read_stops_every_command_by_name(project: Path):
    result = run("routes", cwd=project, PORT="eighty")
    assert result.returncode == 2
    assert "PORT: expected a whole number" in result.stderr


def test_call_sends_one_request_through_the_real_app(project: Path, database_url: str):
    result = run("call", "GET", "/me", "--as", "user_9", cwd=project, DATABASE_URL=database_url)
    assert (result.returncode, result.stdout.splitlines()) == (0, ["200 OK", '"user_9"'])


def test_call_without_a_user_is_refused_like_any_unauthenticated_call(project: Path, database_url: str):
    result = run("call", "GET", "/me", cwd=project, DATABASE_URL=database_url)
    assert result.returncode == 1
    assert result.stdout.startswith("401")

    assert "no token was sent; --user user_1 calls as a signed-in user." in result.stderr


@pytest.mark.parametrize("command", [("token",), ("call", "GET", "/who")])
def test_token_and_call_are_the_same_person_with_the_same_options(project: Path, command: tuple[str, ...]):
    (project / "functions" / "who.py").write_text(
        "from runtime import Function, User\n\nconfig = Function(permission='org:who:read')\n\n\n"
        "async def get(user: User) -> dict[str, object]:\n    return user.claims\n"
    )
    options = ("--user", "user_7", "--org", "org_3", "--role", "org:auditor")
    shown = run(*command, *options, cwd=project).stdout

    claims = (
        json.loads(shown.partition("\n")[2])
        if command[0] == "call"
        else jwt.decode(shown.strip(), options={"verify_signature": False})
    )
    assert (claims["sub"], claims["o"]["id"], claims["o"]["rol"]) == ("user_7", "org_3", "auditor")
    assert claims["fea"] == "o:who"


def test_no_permissions_are_asked_for_by_an_empty_list(project: Path):
    (project / "functions" / "who.py").write_text(
        "from runtime import Function\n\nconfig = Function(permission='org:who:read')\n\n\n"
        "async def get() -> int:\n    return 1\n"
    )
    assert run("call", "GET", "/who", "--as", "user_7", cwd=project).returncode == 0
    refused = run("call", "GET", "/who", "--permissions", "", cwd=project)
    assert refused.stdout.startswith("403")


def test_call_sends_headers_and_files(project: Path):
    (project / "functions" / "files.py").write_text(
        "from runtime import Request, Upload, User\n\n\n"
        "async def post(data: dict[str, Upload], request: Request) -> str:\n"
        "    return f\"{request.headers['x-kind']} {(await data['report'].read()).decode()}\"\n"
    )
    (project / "report.txt").write_text("sums")
    options = ("--header", "X-Kind: text", "--file", "report=report.txt", "--as", "user_1")
    assert run("call", "POST", "/files", *options, cwd=project).stdout.splitlines()[1] == '"text sums"'


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--header", "X-Kind"), "--header 'X-Kind' is not 'NAME: VALUE'."),
        (("--file", "report.txt"), "--file 'report.txt' is not FIELD=PATH."),
        (("--file", "report=none.txt"), "--file 'report=none.txt': there is no such file."),
        (("--user", ""), "--user must not be empty; leave it out to call as nobody."),
    ],
)
def test_call_names_an_option_that_cannot_be_sent(project: Path, options: tuple[str, ...], told: str):
    result = run("call", "POST", "/me", *options, cwd=project)
    assert (result.returncode, result.stderr) == (2, f"annex call: {told}\n")


def test_call_brings_its_database_along_where_none_is_configured(project: Path):
    (project / "functions" / "version.py").write_text(
        "from runtime import Database\n\n\nasync def get(db: Database) -> str:\n"
        "    return await db.fetch_value('SELECT current_database()::text')\n"
    )
    result = run("call", "GET", "/version", "--as", "user_9", cwd=project)
    assert (result.returncode, result.stdout.splitlines()) == (0, ["200 OK", '"app"'])


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_port_that_is_taken_ends_the_command_and_names_the_cure(
    project: Path, database_url: str, command: str
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run(command, cwd=project, PORT=port, DATABASE_URL=database_url)
    assert result.returncode == 3
    told = result.stdout + result.stderr
    assert f"Port {port} is already in use; stop the other process or set PORT." in told


def test_client_says_that_there_is_nothing_to_write(project: Path):
    first, second = run("client", cwd=project), run("client", cwd=project)
    checked = run("client", "--check", cwd=project)
    assert "wrote contracts/openapi.json" in first.stdout
    assert second.stdout == "contract and TypeScript client were already up to date\n"
    assert (checked.returncode, checked.stdout) == (0, "contract and TypeScript client are up to date\n")


def test_check_compares_the_client_beside_the_functions_from_any_folder(project: Path, tmp_path: Path):
    run("client", cwd=project)
    result = run("check", cwd=ROOT, ANNEX_FUNCTIONS=str(project / "functions"))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("annex.example.com", "annex.example.com is not a URL: begin it with https:// or http://"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9 does not respond: ConnectError"),
    ],
)
def test_smoke_says_what_is_wrong_with_the_address(project: Path, url: str, told: str):
    result = run("smoke", url, cwd=project)
    assert result.returncode == 1
    assert told in result.stdout


def test_token_without_a_user_is_refused(project: Path):
    result = run("token", "--user", "", cwd=project)
    assert (result.returncode, result.stdout) == (2, "")

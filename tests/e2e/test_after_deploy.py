"""`annex smoke` from outside and `annex doctor` from inside, at a real service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import ORIGIN, environment, functions_of
from tests.fixtures.service import ROOT, annex

OPEN = '''"""An endpoint that should not be open."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Return nothing of interest."""
    return ""
'''

PRIVATE = OPEN.replace("config = Function(public=True)", "config = Function()")


def run(
    *arguments: str, variables: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COV")}
    program = Path(sys.executable).with_name("annex")
    return subprocess.run(
        [program, *arguments],
        env={**bare, **(variables or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_smoke_finds_a_good_service_good(tmp_path: Path, issuer: Issuer, database_url: str):
    functions = functions_of(tmp_path, {}, "me.py", "index.py")
    with annex("serve", tmp_path, environment(issuer, database_url, functions)) as service:
        told = run("smoke", service.url, "--origin", ORIGIN, variables={"ANNEX_SMOKE_TOKEN": issuer.token()})
    assert told.returncode == 0, told.stdout
    assert "✗" not in told.stdout
    assert "GET /me returns 200" in told.stdout
    assert f"{ORIGIN} is allowed" in told.stdout


def test_smoke_names_what_is_wrong_with_a_service(tmp_path: Path, issuer: Issuer):
    functions = functions_of(tmp_path, {"me.py": OPEN})
    settings = environment(issuer, "postgresql://app@127.0.0.1:1/app", functions)
    with annex("serve", tmp_path, settings) as service:
        told = run("smoke", service.url, "--origin", "https://other.example.com", "--path", "/me")
    assert told.returncode == 1
    assert "GET /health/ready returns 503, version" in told.stdout
    assert "not ok: database" in told.stdout
    assert "GET /me returns 200, expected 401 unauthenticated" in told.stdout
    assert "https://other.example.com is not allowed: add it to CORS_ORIGINS" in told.stdout


def test_smoke_takes_the_first_private_route_without_parameters_from_the_service(
    tmp_path: Path, issuer: Issuer
):
    functions = functions_of(tmp_path, {"zone.py": PRIVATE}, "index.py", "samples")
    settings = environment(issuer, "postgresql://app@127.0.0.1:1/app", functions)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with annex("serve", tmp_path, settings | {"ANNEX_DOCS": "true"}) as service:
        published = run("smoke", service.url, cwd=elsewhere)
    with annex("serve", tmp_path, settings | {"ANNEX_DOCS": "false"}) as service:
        local = run("smoke", service.url, cwd=tmp_path)
        neither = run("smoke", service.url, cwd=elsewhere)
    assert "auth       GET /samples returns 401 unauthenticated" in published.stdout
    assert "auth       GET /samples returns 401 unauthenticated" in local.stdout
    assert (
        "auth       skipped: no private GET without parameters was found; name one with --path"
        in neither.stdout
    )


def test_smoke_says_that_nobody_is_there():
    told = run("smoke", "http://127.0.0.1:1")
    assert told.returncode == 1
    assert "ConnectError" in told.stdout


def test_doctor_tells_what_answers_and_shows_no_secret(tmp_path: Path, issuer: Issuer, database_url: str):
    functions = functions_of(tmp_path, {}, "me.py")
    settings = environment(
        issuer, database_url, functions, CLERK_SECRET_KEY="sk_live_canary", CLERK_AUTHORIZED_PARTIES=ORIGIN
    )
    told = run("doctor", variables=settings)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "database   responds in" in told.stdout
    assert "CLERK_SECRET_KEY = (set)" in told.stdout
    assert f"CLERK_AUTHORIZED_PARTIES = {ORIGIN}" in told.stdout
    assert "canary" not in told.stdout + told.stderr
    assert database_url not in told.stdout + told.stderr
    assert "BEGIN PUBLIC KEY" not in told.stdout


@pytest.mark.parametrize(
    ("variables", "finding"),
    [
        ({"DATABASE_URL": "postgresql://app:canary@127.0.0.1:1/app"}, "does not respond"),
        (
            {"CLERK_JWT_KEY": "", "CLERK_JWKS_URL": "https://127.0.0.1:1/jwks"},
            "does not respond (ConnectError)",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
            "http://127.0.0.1:1/v1/traces does not respond",
        ),
        ({"RAILWAY_ENVIRONMENT_NAME": "production"}, "set RAILWAY_DEPLOYMENT_DRAINING_SECONDS"),
        ({"ANNEX_MAX_CONNECTIONS": "999999999"}, "open files allowed"),
    ],
)
def test_doctor_finds_what_does_not_answer(
    variables: dict[str, str], finding: str, tmp_path: Path, issuer: Issuer, database_url: str
):
    functions = functions_of(tmp_path, {}, "me.py")
    settings = environment(issuer, database_url, functions, **variables)
    told = run("doctor", "--json", variables=settings)
    faults = [found["text"] for found in json.loads(told.stdout)["findings"] if found["is_fault"]]
    assert told.returncode == 1
    assert any(finding in fault for fault in faults), faults
    assert "canary" not in told.stdout + told.stderr


def test_doctor_warns_of_files_that_change_how_the_platform_builds(
    tmp_path: Path, issuer: Issuer, database_url: str
):
    functions = functions_of(tmp_path, {}, "me.py")
    for name in ("requirements.txt", "package.json", "railway.toml"):
        (tmp_path / name).touch()
    told = run("doctor", variables=environment(issuer, database_url, functions), cwd=tmp_path)
    assert told.returncode == 1
    assert "requirements.txt makes Railpack ignore uv.lock" in told.stdout
    assert "railway.toml beside package.json" in told.stdout

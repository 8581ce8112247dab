"""What a start must not import: it is paid for in processor time and memory by every replica."""

import subprocess
import sys
from pathlib import Path

from tests.fixtures.clerk import Issuer

ROOT = Path(__file__).parents[2]
OTHER_COMMANDS = (
    "runtime.dev",
    *(f"runtime.commands.{name}" for name in ("checking", "check", "doctor", "smoke")),
)

COMPOSE = """
import sys
from runtime.commands import cli
from runtime.server import process as server
from runtime.app import create_app
from runtime.settings import load
create_app(load({"ANNEX_ENV": "production", "CLERK_JWT_KEY": sys.argv[1], "CORS_ORIGINS": "https://app.example.com",
                 "DATABASE_URL": "postgres://u:p@127.0.0.1:1/x", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}))
print(*sys.modules)
"""


def _loaded_by_a_start() -> set[str]:
    command = [sys.executable, "-c", COMPOSE, Issuer().pem]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(run.stdout.splitlines()[-1].split())


def test_service_that_verifies_without_a_network_does_not_load_the_http_client() -> None:
    """It takes 160 ms and 8 MB, more than anything else but the framework."""
    assert "httpx" not in _loaded_by_a_start()


def test_serving_loads_no_module_of_another_command() -> None:
    loaded = _loaded_by_a_start()

    assert "runtime.server.process" in loaded
    assert not [name for name in loaded if name.startswith(OTHER_COMMANDS)]


def test_a_start_loads_neither_pydantic_nor_attrs() -> None:
    """They take a tenth of a start and 10 MB; Litestar's default plugins would load them."""
    loaded = _loaded_by_a_start()

    assert "litestar" in loaded
    assert not loaded & {"pydantic", "attrs", "attr"}

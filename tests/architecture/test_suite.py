"""The suite itself: a test that hangs, the time of each folder, the second try of what failed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
SETTINGS = """[pytest]
addopts =
  -p pytest_asyncio.plugin -p pytest_cov.plugin -p pytest_timeout -p xdist.plugin
  -p tests.fixtures.hangs -p tests.fixtures.durations
asyncio_mode = auto
timeout = 1
"""
HANGING = """
import asyncio

async def test_that_waits_for_ever():
    await asyncio.Event().wait()

async def test_that_leaves_a_task_which_ignores_its_cancellation():
    async def stubborn():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass
    left = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert left.done()

def test_that_comes_after_them(): ...
"""
FLAKY = """
from pathlib import Path

def test_that_fails_once():
    first = not Path("tried").exists()
    Path("tried").touch()
    assert not first

def test_that_passes():
    Path("ran").write_text("x" + (Path("ran").read_text() if Path("ran").exists() else ""))
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """An empty suite, run with the plugins of this one that are asked about."""
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def leave(suite: Path, exit_status: int | None, failed: dict[str, bool] | None) -> None:
    """Write what a run of pytest leaves in its cache."""
    for name, value in (("annex/exitstatus", exit_status), ("cache/lastfailed", failed)):
        if value is not None:
            path = suite / ".pytest_cache" / "v" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))


def run(suite: Path, *command: str | Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=suite,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if "pytest" in command else subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def pytest_in(suite: Path, *options: str) -> tuple[int, str]:
    return run(suite, sys.executable, "-m", "pytest", *options)


def test_a_test_that_hangs_fails_by_name_and_the_next_is_run(suite: Path):
    (suite / "test_hanging.py").write_text(HANGING)

    status, said = pytest_in(suite, "-rfE", "test_hanging.py")

    assert status == 1
    assert "FAILED test_hanging.py::test_that_waits_for_ever - Failed: Timeout (>1.0s)" in said
    assert "ERROR test_hanging.py::test_that_leaves_a_task_which_ignores_its_cancellation" in said
    assert "2 failed, 1 passed, 1 error" in said.splitlines()[-1]


def test_the_summary_has_the_time_and_the_cases_of_each_folder(suite: Path):
    for folder, name in (("checks/unit/http/deeper", "a"), ("checks/unit/http", "b"), ("checks/faults", "c")):
        (suite / folder).mkdir(parents=True, exist_ok=True)
        (suite / folder / f"test_{name}.py").write_text("def test_it(): ...\n")

    _, said = pytest_in(suite, "-n", "1", "checks")

    rows = [line.split() for line in said.splitlines() if " cases  " in line]
    assert [(row[2], row[4:]) for row in rows] == [
        ("1", ["checks/faults"]),
        ("2", ["checks/unit/http"]),
        ("3", ["in", "all"]),
    ]
    assert said.splitlines()[-1].startswith("=")


def test_a_test_that_failed_has_a_second_try_that_is_counted_and_named(suite: Path):
    (suite / "test_flaky.py").write_text(FLAKY)
    first, _ = pytest_in(suite)

    status, said = run(suite, ROOT / ".ci" / "second-try")

    assert (first, status) == (1, 0)
    assert "second try: 1 " in said
    assert "\n  test_flaky.py::test_that_fails_once\n" in said
    assert "1 passed" in said.splitlines()[-1]
    assert (suite / "ran").read_text() == "x"


def test_a_test_that_fails_twice_fails_the_run(suite: Path):
    (suite / "test_failing.py").write_text("def test_it(): assert False\n")
    pytest_in(suite)

    status, said = run(suite, ROOT / ".ci" / "second-try")

    assert status == 1
    assert "1 failed" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("exit_status", "failed"),
    [
        (None, None),  # a check failed, and pytest was never started
        (1, {}),  # the coverage is too low
        (2, {"test_it.py": True}),  # a file cannot be collected, so nothing was run
        (2, {"test_it.py::test_it": True}),  # pytest was interrupted, so not everything was run
        (3, {}),  # pytest failed
    ],
    ids=str,
)
def test_there_is_no_second_try_where_anything_but_tests_failed(
    suite: Path, exit_status: int | None, failed: dict[str, bool] | None
):
    (suite / "test_it.py").write_text("def test_it(): ...\n")
    leave(suite, exit_status, failed)

    status, said = run(suite, ROOT / ".ci" / "second-try")

    assert status == 1
    assert said.splitlines() == ["second try: 0 tests, because something else than a test failed"]


def test_a_failed_check_fails_the_run_and_an_earlier_runs_failure_is_not_tried_again(suite: Path):
    (suite / "test_it.py").write_text("def test_it(): ...\n")
    leave(suite, 1, {"test_it.py::test_it": True})
    (suite / ".ci").mkdir()
    for name in ("run", "second-try"):
        shutil.copy(ROOT / ".ci" / name, suite / ".ci" / name)
    for name, status in ((".ci/packages", 0), ("make", 2)):
        (suite / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (suite / name).chmod(0o755)

    status, said = run(suite, ".ci/run", PATH=f"{suite}:{os.environ['PATH']}")

    assert status == 1
    assert "second try: 0 tests" in said
    assert "passed" not in said

"""The benchmarks still run, in their shortest form; what they measure on a busy machine is no verdict."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.service import ROOT

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        shutil.which("wrk") is None or len(os.sched_getaffinity(0)) < 2,
        reason="no wrk (Debian: wrk) or one core only: the benchmarks are NOT tested",
    ),
]


def run(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", "--seconds", "1", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_comparison_reports_ours_and_writes_the_picture(tmp_path: Path):
    picture = tmp_path / "bench.svg"
    said = run("run", "--rounds", "1", "--peers", "", "--only", "no token", "--plot", str(picture))
    assert re.search(r" 1\.0\d spans ", said)  # a little more than one: those of the warm-up count too
    assert "no token" in picture.read_text("utf-8")


def test_two_replicas_are_measured_with_their_connections():
    said = run("scale", "--rounds", "1", "--only", "database")
    assert "| database, by key | two, everything on their cores | 0, 8, 8 |" in said


def test_a_limit_shows_as_answers_of_its_own():
    said = run("limits", "--connections", "450", "--only", "waits")
    assert "503 overloaded" in said


def test_a_query_is_compared_with_plain_asyncpg():
    said = run("database")
    assert "by key" in said
    assert "ours" in said

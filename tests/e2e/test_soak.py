"""The short form of the load that `make soak` keeps up for an hour."""

import subprocess
import sys

import pytest

from tests.fixtures.figures import Figure
from tests.fixtures.service import ROOT

pytestmark = pytest.mark.timeout(300)


def test_a_short_soak_is_flat_and_sheds_its_overload(figure: Figure):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.15", "--rate", "30"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    figure("soak", "; ".join(done.stdout.splitlines()))
    assert done.returncode == 0, done.stdout + done.stderr

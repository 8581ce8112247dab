"""A function that ends its own process is seen, not guessed."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.server.parent.blame.stacks import culprit

BEGIN = """
import runpy, sys
from runtime.server.worker.farewell import note_farewells
dump = open(sys.argv[1], "w")
note_farewells(dump.fileno())
runpy.run_path(sys.argv[2])
"""


@pytest.mark.parametrize("text", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_place_is_noted_before_a_function_ends_its_process(tmp_path: Path, text: str):
    (tmp_path / "ends.py").write_text(f"import os\n\n{text}\n")
    dump = tmp_path / "dump"

    ended = subprocess.run([sys.executable, "-c", BEGIN, dump, tmp_path / "ends.py"], check=False)

    found = culprit(dump.read_text(), str(tmp_path))
    assert ended.returncode in {3, -9}
    assert found is not None
    assert (found.place.file, found.place.line) == ("ends.py", 3)


@pytest.mark.parametrize("text", ["if not os.fork():\n    os._exit(0)", "os.kill(os.getpid(), 0)"])
def test_nothing_is_noted_of_a_fork_or_of_a_question(tmp_path: Path, text: str):
    (tmp_path / "asks.py").write_text(f"import os\n\n{text}\n")
    dump = tmp_path / "dump"

    subprocess.run([sys.executable, "-c", BEGIN, dump, tmp_path / "asks.py"], check=True)

    assert dump.read_text() == ""

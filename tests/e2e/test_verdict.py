"""`annex check` says what it found or fails: no file can end it, silence it or block it."""

from pathlib import Path

import pytest

from tests.e2e.test_commands import project, run

__all__ = ["project"]

GOOD = "async def get() -> str:\n    return 'ok'\n"
ENDED = "bad.py: The process {} while this file was imported."

KILLERS = {
    "status 0": ("import os\nos._exit(0)\n", ENDED.format("ended with status 0")),
    "status 3": ("import os\nos._exit(3)\n", ENDED.format("ended with status 3")),
    "a crash": ("import ctypes\nctypes.string_at(0)\n", ENDED.format("was ended by SIGSEGV")),
    "a signal": ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n", "was ended by SIGTERM"),
    "C code that never ends": (
        "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')\n",
        ENDED.format("did not respond for 3 s"),
    ),
    "a descendant that holds the pipe": (
        "import os, time\nif os.fork() == 0:\n    time.sleep(4)\nos._exit(0)\n",
        ENDED.format("ended with status 0"),
    ),
    "an exit in an annotation": (
        'async def get(limit: "__import__(\'os\')._exit(0)" = 1) -> str:\n    return ""\n',
        ENDED.format("ended with status 0"),
    ),
    "an exit in the text of an error": (
        "class Bad(Exception):\n    def __str__(self):\n        import os\n        os._exit(0)\nraise Bad\n",
        ENDED.format("ended with status 0"),
    ),
}


@pytest.mark.parametrize(("source", "told"), KILLERS.values(), ids=KILLERS.keys())
def test_file_that_ends_or_blocks_the_process_is_named_and_the_rest_is_checked(
    project: Path, source: str, told: str
) -> None:
    (project / "functions" / "bad.py").write_text(source if "def get" in source else source + GOOD)

    result = run("check", cwd=project, ANNEX_IMPORT_BUDGET="1")

    assert result.returncode == 1
    assert told in result.stdout
    assert "public.lock lists exactly the public routes" in result.stdout


def test_every_file_that_ends_the_process_is_named(project: Path) -> None:
    for name in ("bad", "worse"):
        (project / "functions" / f"{name}.py").write_text(f"import os\nos._exit(0)\n{GOOD}")

    result = run("check", cwd=project)

    assert result.returncode == 1
    assert "bad.py: The process ended with status 0" in result.stdout
    assert "worse.py: The process ended with status 0" in result.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import atexit, os\natexit.register(os._exit, 0)\nraise ValueError\n",
        "import atexit, time\natexit.register(time.sleep, 1000)\nraise ValueError\n",
        "import sys, threading\nthreading.Thread(target=sys.exit, args=(0,)).start()\nraise ValueError\n",
        "import os\nos.close(1)\nraise ValueError\n",
    ],
)
def test_what_a_file_leaves_for_the_end_changes_no_verdict(project: Path, source: str) -> None:
    (project / "functions" / "bad.py").write_text(source + GOOD)

    result = run("check", cwd=project)

    assert result.returncode == 1
    assert "bad.py:3: The import failed: ValueError." in result.stdout


def test_files_that_are_known_are_named_where_the_process_ends_outside_of_a_file(project: Path) -> None:
    for name in ("bad", "worse"):
        (project / "functions" / f"{name}.py").write_text(f"import os\nos._exit(0)\n{GOOD}")
    (project / "functions" / "late.py").write_text(
        "import json, os\ndumps = json.dumps\n"
        f"json.dumps = lambda value: dumps(value) if isinstance(value, str) else os._exit(0)\n{GOOD}"
    )

    result = run("check", cwd=project)

    assert result.returncode == 1
    assert "bad.py: The process ended with status 0 while this file was imported." in result.stdout
    assert "worse.py: The process ended with status 0 while this file was imported." in result.stdout


def test_process_that_ends_after_all_files_are_read_is_no_verdict(project: Path) -> None:
    (project / "functions" / "bad.py").write_text(
        "import os\nfrom enum import Enum\n"
        "class Meta(type(Enum)):\n    def __iter__(cls):\n        os._exit(0)\n"
        "class Side(Enum, metaclass=Meta):\n    BUY = 'buy'\nasync def get() -> Side:\n    return Side.BUY\n"
    )

    result = run("check", cwd=project)

    assert result.returncode == 1
    assert result.stdout

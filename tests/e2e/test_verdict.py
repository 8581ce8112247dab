"""`annex check` says what it found or fails: no file can end it, silence it or block it."""

from pathlib import Path

import pytest

from tests.e2e.test_commands import project, run

__all__ = ["project"]

GOOD = "async def get() -> str:\n    return 'ok'\n"
ENDED = "bad.py:{}: The process {} while this file was imported."

KILLERS = {
    "status 0": ("import os\nos._exit(0)\n", ENDED.format(2, "ended with status 0")),
    "status 3": ("import os\nos._exit(3)\n", ENDED.format(2, "ended with status 3")),
    "a crash": ("import ctypes\nctypes.string_at(0)\n", ENDED.format(2, "was ended by SIGSEGV")),
    "a signal": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
        "bad.py:2: The import sent a signal to a process.",
    ),
    "C code that never ends": (
        "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')\n",
        ENDED.format(2, "did not respond for 1 s"),
    ),
    "a descendant that holds the pipe": (
        "import os, time\nif os.fork() == 0:\n    time.sleep(4)\nos._exit(0)\n",
        "bad.py:2: The import forked the process.",
    ),
    "an exit in an annotation": (
        'async def get(limit: "__import__(\'os\')._exit(0)" = 1) -> str:\n    return ""\n',
        ENDED.format(1, "ended with status 0"),
    ),
    "an exit in the text of an error": (
        "class Bad(Exception):\n    def __str__(self):\n        import os\n        os._exit(0)\nraise Bad\n",
        ENDED.format(4, "ended with status 0"),
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
    assert "bad.py:2: The process ended with status 0" in result.stdout
    assert "worse.py:2: The process ended with status 0" in result.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import atexit, os\natexit.register(os._exit, 0)\nraise ValueError\n",
        "import atexit, time\natexit.register(time.sleep, 1000)\nraise ValueError\n",
        "import sys, threading\nthreading.Thread(target=sys.exit, args=(0,)).start()\nraise ValueError\n",
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
    assert "bad.py:2: The process ended with status 0 while this file was imported." in result.stdout
    assert "worse.py:2: The process ended with status 0 while this file was imported." in result.stdout


def test_process_that_ends_after_all_files_are_read_is_no_verdict(project: Path) -> None:
    (project / "functions" / "bad.py").write_text(
        "import os\nfrom enum import Enum\n"
        "class Meta(type(Enum)):\n    def __iter__(cls):\n        os._exit(0)\n"
        "class Side(Enum, metaclass=Meta):\n    BUY = 'buy'\nasync def get() -> Side:\n    return Side.BUY\n"
    )

    result = run("check", cwd=project)

    assert result.returncode == 1
    assert result.stdout


@pytest.mark.parametrize("command", ["routes", "explain GET /", "client --check", "token"])
def test_commands_that_import_functions_name_a_harmful_file_and_go_on(project: Path, command: str) -> None:
    (project / "functions" / "bad.py").write_text(f"import os\nos._exit(9)\n{GOOD}")

    result = run(*command.split(), cwd=project)

    assert result.returncode != 9
    assert result.stdout + result.stderr


def test_table_of_routes_names_the_line_of_a_harmful_file(project: Path) -> None:
    (project / "functions" / "bad.py").write_text(f"import os\nos._exit(9)\n{GOOD}")

    result = run("routes", cwd=project)

    assert "GET     /bad" in result.stdout
    assert "line 2: The process ended with status 9 while this file was imported." in result.stdout


def test_many_harmful_files_are_all_told_to_the_checking_process(project: Path) -> None:
    """Their sentences are longer than an argument of a command line may be."""
    names = [f"{'long_name_' * 20}{number}" for number in range(360)]
    for name in names:
        (project / "functions" / f"{name}.py").write_text(f"import os\nos.kill(1, 9)\n{GOOD}")

    result = run("check", cwd=project)

    assert result.stdout.count("The import sent a signal to a process.") == len(names)


def test_accept_writes_the_lock_and_the_contract(project: Path) -> None:
    (project / "functions" / "public.lock").unlink()

    run("check", "--accept", cwd=project)

    assert "GET /  index.py" in (project / "functions" / "public.lock").read_text()
    assert '"x-file": "index.py"' in (project / "contracts" / "openapi.json").read_text()


@pytest.mark.parametrize("command", ["routes", "explain GET /"])
def test_open_route_that_the_lock_does_not_list_is_told(project: Path, command: str) -> None:
    (project / "functions" / "public.lock").unlink()

    told = " ".join(run(*command.split(), cwd=project).stdout.split())

    assert "GET / is public but not listed in public.lock, so in production it asks for a session." in told
    assert "Run `annex check --accept`" in told

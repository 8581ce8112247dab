"""Function files tried in a child process: whoever would harm a service is named with file and line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.rehearsal import Refusal, Rehearsal, rehearse
from tests.fixtures.routing import write_tree

GOOD = 'async def get() -> str:\n    return "ok"\n'
IMPORTED = "while this file was imported."

HARMFUL = {
    "exits": ("import os\nos._exit(0)\n", 2, f"The process ended with status 0 {IMPORTED}"),
    "exits_in_c": (
        "import ctypes\nctypes.CDLL(None)._exit(7)\n",
        2,
        f"The process ended with status 7 {IMPORTED}",
    ),
    "crashes": (
        "x = 1\nimport ctypes\nctypes.string_at(0)\n",
        3,
        f"The process was ended by SIGSEGV {IMPORTED}",
    ),
    "aborts": ("import os\nos.abort()\n", 2, f"The process was ended by SIGABRT {IMPORTED}"),
    "raises_a_signal": (
        "import signal\nsignal.raise_signal(9)\n",
        2,
        f"The process was ended by SIGKILL {IMPORTED}",
    ),
    "signals": ("import os\nos.kill(os.getppid(), 9)\n", 2, "The import sent a signal to a process."),
    "signals_its_group": ("import os\nos.killpg(0, 9)\n", 2, "The import sent a signal to a process."),
    "holds_the_interpreter": (
        "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')\n",
        2,
        f"The process did not respond for 1 s {IMPORTED}",
    ),
    "loops": ("x = 1\nwhile True:\n    x = 2\n", (2, 3), "The import was still running after 1 s."),
    "forks": ("import os\nif not os.fork():\n    pass\n", 2, "The import forked the process."),
    "becomes_another": (
        "import os\nos.execv('/bin/true', ['true'])\n",
        2,
        "The import replaced the process by another program.",
    ),
    "closes": (
        "import os\n\nos.closerange(0, 20)\n",
        3,
        "The import closed or replaced open files of the process.",
    ),
    "closes_everything": (
        "import os\nos.closerange(0, 4096)\n",
        2,
        "The import closed or replaced open files of the process.",
    ),
    "limits": (
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))\n",
        2,
        "The import changed a limit of the process.",
    ),
    "sets_an_alarm": (
        "import signal\nsignal.alarm(9)\n",
        2,
        "The import left a timer of the process running (signal.setitimer).",
    ),
    "audits": (
        "import sys\nsys.addaudithook(print)\n",
        2,
        "The import added an audit hook, which nobody can remove.",
    ),
    "needs_long_to_compile": (
        'x = 1\ny = lambda x: f"' + "{x}" * 300_000 + '"\n',
        2,
        "The process did not respond for 0.1 s while this file was read.",
    ),
    "ends_in_an_annotation": (
        'x = 1\nasync def get(limit: "__import__(\'os\')._exit(4)" = 1) -> str:\n    return ""\n',
        2,
        f"The process ended with status 4 {IMPORTED}",
    ),
    "ends_in_the_text_of_an_error": (
        "class Bad(Exception):\n    def __str__(self):\n        import os\n        os._exit(5)\nraise Bad\n",
        4,
        f"The process ended with status 5 {IMPORTED}",
    ),
    "leaves_a_thread_that_ends_it": (
        "import os, threading, time\ndef later():\n    time.sleep(0.05)\n    os._exit(6)\n"
        "threading.Thread(target=later).start()\n",
        4,
        f"The process ended with status 6 {IMPORTED}",
    ),
}
ORDINARY = {
    "raises": "raise ValueError\n",
    "ends_politely": "import sys\nsys.exit(3)\n",
    "waits_at_the_end": "import atexit, time\natexit.register(time.sleep, 1000)\n",
    "starts_a_process": "import subprocess\nsubprocess.run(['true'], check=True)\n",
    "asks_whether_it_lives": "import os\nos.kill(os.getpid(), 0)\n",
    "leaves_a_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n",
    "does_not_parse": "def def\n",
    "works": "",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Refusal]:
    """What a rehearsal of all these files, and a healthy one after each, refuses."""
    root = tmp_path_factory.mktemp("functions")
    for name, (source, *_) in HARMFUL.items():
        text = source if "def get" in source else source + GOOD
        write_tree(root, {f"{name}.py": text, f"{name}_healthy.py": GOOD})
    write_tree(root, {f"{name}.py": source + GOOD for name, source in ORDINARY.items()})
    return {each.file.removesuffix(".py"): each for each in rehearse(root, budget=1)}


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_file_is_named_with_line_and_cure(refused: dict[str, Refusal], name: str) -> None:
    _, line, found = HARMFUL[name]
    refusal = refused[name]
    assert refusal.line in (line if isinstance(line, tuple) else (line,))
    assert refusal.found.replace("0.1 s", "1 s") == found.replace(
        "0.1 s", "1 s"
    )  # the third hang has a tenth
    assert refusal.cure


def test_only_harmful_files_are_refused(refused: dict[str, Refusal]) -> None:
    assert refused.keys() - HARMFUL.keys() == set()


def test_text_of_a_file_that_does_harm_when_it_runs_is_still_read(refused: dict[str, Refusal]) -> None:
    assert refused["exits"].is_readable
    assert not refused["needs_long_to_compile"].is_readable


def test_files_that_hang_share_a_bounded_time(tmp_path: Path) -> None:
    hang = f"import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')\n{GOOD}"
    write_tree(tmp_path, {f"f{number}.py": hang for number in range(6)})

    found = [each.found for each in rehearse(tmp_path, budget=1)]

    assert found == [
        *[f"The process did not respond for 1 s {IMPORTED}"] * 2,
        *[f"The process did not respond for 0.1 s {IMPORTED}"] * 4,
    ]


def test_rehearsal_answers_again_for_the_files_that_are_asked_about(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": GOOD, "b.py": "import os\nos._exit(1)\n" + GOOD})
    with Rehearsal(tmp_path, budget=5, stays=True) as rehearsal:
        first = rehearsal.refusals()
        write_tree(tmp_path, {"a.py": "import os\nos._exit(2)\n" + GOOD})
        second = rehearsal.refusals(["a.py"])

    assert [each.file for each in first] == ["b.py"]
    assert [each.file for each in second] == ["a.py"]


def test_rehearsal_goes_on_after_a_file_that_ends_the_watching_process(tmp_path: Path) -> None:
    ends_the_parent = "import ctypes, os\nctypes.CDLL(None).kill(os.getppid(), 9)\n"
    write_tree(tmp_path, {"bad.py": ends_the_parent + GOOD, "worse.py": "import os\nos._exit(2)\n" + GOOD})

    assert {each.file for each in rehearse(tmp_path, budget=1)} == {"bad.py", "worse.py"}


def test_a_fork_of_the_asking_process_finds_the_same_without_importing_it_again(tmp_path: Path) -> None:
    ends_the_parent = "import ctypes, os\nctypes.CDLL(None).kill(os.getppid(), 9)\n"
    hangs = "while True:\n    pass\n"
    told = "import os, sys\nassert 'of_the_asker' in sys.modules\nos._exit(3)\n"
    files = {
        "z_ends.py": ends_the_parent + GOOD,
        "good.py": GOOD,
        "hangs.py": hangs + GOOD,
        "told.py": told + GOOD,
    }
    write_tree(tmp_path, files)
    asks = (
        "import json, sys\nfrom pathlib import Path\nfrom runtime.rehearsal import forked, rehearse\n"
        "sys.modules['of_the_asker'] = sys\n"
        "found = rehearse(Path(sys.argv[1]), budget=1, start=forked)\n"
        "print(json.dumps({each.file: each.line for each in found}))\n"
    )

    ran = subprocess.run([sys.executable, "-c", asks, tmp_path], capture_output=True, text=True, check=True)

    assert json.loads(ran.stdout) == {"hangs.py": 1, "told.py": 3, "z_ends.py": 0}
    assert ran.stderr == ""

"""The keys `isolate` and `memory`: what may stand there, and what a fault says."""

from pathlib import Path

import pytest

from runtime.config.memory import bytes_of
from runtime.routing import discover

BODY = '''
async def get() -> str:
    """Answer."""
    return ""
'''


def faults(root: Path, config: str, body: str = BODY, folder: str = "") -> list[str]:
    """Return what is wrong with a function that has a config."""
    imports = "from runtime import Function\nfrom shared.agents import Agents\n"
    (root / "f.py").write_text(f"{imports}\nconfig = Function({config})\n{body}")
    if folder:
        (root / "_config.py").write_text(f"from runtime import Folder\n\nconfig = Folder({folder})\n")
    return [str(each) for each in discover(root).faults]


@pytest.mark.parametrize(
    "config",
    [
        "isolate=True",
        'isolate=True, memory="512MiB"',
        'isolate=True, memory="1GiB"',
        "isolate=True, memory=134217728",
        'methods={"get": {"isolate": True, "memory": "64MiB"}}',
    ],
)
def test_function_may_be_isolated_and_its_memory_bounded(tmp_path: Path, config: str):
    assert faults(tmp_path, config) == []


@pytest.mark.parametrize(
    "memory", ['"512MB"', '"0.5GiB"', '"-1GiB"', '"0MiB"', '"512 MiB"', "True", '"\u0665GiB"', '""']
)
def test_memory_that_is_spelt_otherwise_is_a_fault_that_shows_how(tmp_path: Path, memory: str):
    found = faults(tmp_path, f"isolate=True, memory={memory}")

    assert len(found) == 1
    assert '"512MiB", "1GiB" or a number of bytes' in found[0]


@pytest.mark.parametrize("memory", ['"63MiB"', "1", '"1KiB"'])
def test_memory_in_which_nothing_can_run_is_a_fault_that_names_the_least(tmp_path: Path, memory: str):
    assert "Expected 64MiB or more" in faults(tmp_path, f"isolate=True, memory={memory}")[0]


def test_memory_without_isolate_is_a_fault_that_names_the_cure(tmp_path: Path):
    found = faults(tmp_path, 'memory="512MiB"')

    assert len(found) == 1
    assert "isolate is not set" in found[0]
    assert "Set isolate=True as well." in found[0]


def test_folder_isolates_what_is_below_it_and_no_file_takes_that_back(tmp_path: Path):
    assert faults(tmp_path, "", folder='isolate=True, memory="256MiB"') == []
    assert "loosens" in faults(tmp_path, "isolate=False", folder="isolate=True")[0]
    assert "loosens" in faults(tmp_path, 'memory="1GiB"', folder='isolate=True, memory="256MiB"')[0]
    assert faults(tmp_path, 'memory="128MiB"', folder='isolate=True, memory="256MiB"') == []


def test_isolated_function_cannot_have_agents_whose_runs_outlive_it(tmp_path: Path):
    body = 'async def get(agents: Agents) -> str:\n    """Answer."""\n    return ""\n'

    assert "asks for Agents" in faults(tmp_path, "isolate=True", body)[0]
    assert faults(tmp_path, "", body) == []


def test_a_mebibyte_is_1024_times_1024_bytes():
    assert [bytes_of(each) for each in ("64MiB", "1GiB", 70_000_000)] == [
        67_108_864,
        1_073_741_824,
        70_000_000,
    ]

"""The face of the runtime: few names, and each of them a promise."""

import subprocess
import sys

import runtime


def test_the_face_is_sorted_small_and_whole():
    assert sorted(runtime.__all__) == runtime.__all__
    assert len(runtime.__all__) < 35
    assert all(hasattr(runtime, name) for name in runtime.__all__)


def test_importing_the_face_pulls_in_neither_the_composition_root_nor_a_heavy_library():
    heavy = "{'runtime.app', 'autogen_core', 'openai'}"
    program = f"import runtime, sys; print([name for name in sys.modules if name in {heavy}])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_importing_every_module_starts_nothing():
    program = """
import importlib, pathlib, threading
for path in sorted([*pathlib.Path("runtime").rglob("*.py"), *pathlib.Path("shared").rglob("*.py")]):
    if path.name != "__main__.py" and "autogen" not in path.name:
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
print(threading.active_count())
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "1"
